//! Made-up consumers: names and addresses that look like those of several countries and are nobody's.

use serde::Serialize;

/// A sequence that looks like chance and is the same for the same seed (`SplitMix64`, by Steele, Lea and Flood).
pub struct Dice(u64);

impl Dice {
    /// The sequence of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below `end`.
    pub const fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(usize::try_from(self.below(items.len() as u64)).unwrap_or(0))
    }

    fn letter(&mut self, letters: &str) -> char {
        self.one_of(letters.as_bytes()).copied().map_or('?', char::from)
    }

    /// A text in which each `#` became a digit and each `@` a letter.
    fn filled(&mut self, pattern: &str) -> String {
        pattern
            .chars()
            .map(|symbol| match symbol {
                // No zero in front: some postal codes never begin with one, and none needs one.
                '#' => self.letter("123456789"),
                '@' => self.letter("ABDEFGHJLNPRSTUW"),
                other => other,
            })
            .collect()
    }
}

/// The six fields of a consumer, as an order brings them.
#[derive(Clone, Serialize)]
pub struct Person {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The lines of the address and the locality, as one value.
    pub street: String,
    /// Postal or zip code.
    pub postal_code: String,
    /// Province or state.
    pub region: String,
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
}

/// How people are called and live in one country.
struct Country {
    code: &'static str,
    first_names: &'static [&'static str],
    last_names: &'static [&'static str],
    /// A street with its number, as people write it there.
    streets: &'static [&'static str],
    /// Locality, postal code, region.
    localities: &'static [(&'static str, &'static str, &'static str)],
}

impl Country {
    fn person(&self, dice: &mut Dice) -> Person {
        let (locality, postal_code, region) = dice.one_of(self.localities).copied().unwrap_or_default();
        let mut word = |words: &'static [&'static str]| dice.one_of(words).copied().unwrap_or_default();
        let (first_name, last_name, street) = (word(self.first_names), word(self.last_names), word(self.streets));
        Person {
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            street: format!("{}\n{locality}", dice.filled(street)),
            postal_code: dice.filled(postal_code),
            region: region.to_owned(),
            country: self.code,
        }
    }
}

/// A person of any country that we know.
pub fn person(dice: &mut Dice) -> Person {
    let [first, ..] = &COUNTRIES;
    dice.one_of(&COUNTRIES).unwrap_or(first).person(dice)
}

const COUNTRIES: [Country; 10] = [
    Country {
        code: "GB",
        first_names: &["Amelia", "Callum", "Isla", "Owen", "Priya", "Rhys", "Tabitha", "Zara"],
        last_names: &["Ashdown", "Birtwistle", "Fairweather", "Hartley", "Okonkwo", "Pemberton", "Tregear"],
        streets: &["# Larkspur Lane", "## Old Mill Road", "Flat #, ## Quayside Terrace", "### Chapel Street"],
        localities: &[
            ("Hebden Bridge", "HX# #@@", "West Yorkshire"),
            ("Ludlow", "SY# #@@", "Shropshire"),
            ("Brighton", "BN# #@@", "East Sussex"),
        ],
    },
    Country {
        code: "DE",
        first_names: &["Anneke", "Bastian", "Cem", "Friederike", "Jonas", "Leyla", "Theresa", "Wolfram"],
        last_names: &["Brandstätter", "Dreyer", "Kühne", "Lindqvist", "Öztürk", "Rademacher", "Vogelsang"],
        streets: &["Lindenweg ##", "Am Alten Hafen #", "Goethestraße ##a", "Kleine Gasse #"],
        localities: &[
            ("Göttingen", "37###", "Niedersachsen"),
            ("Weimar", "99###", "Thüringen"),
            ("Freiburg im Breisgau", "79###", "Baden-Württemberg"),
        ],
    },
    Country {
        code: "FR",
        first_names: &["Apolline", "Baptiste", "Clémence", "Élodie", "Hugo", "Maëlle", "Théo", "Yasmine"],
        last_names: &["Bellegarde", "Carpentier", "Delaunay", "Lefèvre", "Marchand", "N'Diaye", "Rousselle"],
        streets: &["## rue des Tilleuls", "# place du Marché", "## bis, chemin Vert", "### avenue du Port"],
        localities: &[
            ("Annecy", "74###", "Auvergne-Rhône-Alpes"),
            ("Quimper", "29###", "Bretagne"),
            ("Arles", "13###", "Provence-Alpes-Côte d'Azur"),
        ],
    },
    Country {
        code: "US",
        first_names: &["Aaliyah", "Brandon", "Camila", "Dwayne", "Harper", "Ignacio", "Magnolia", "Wyatt"],
        last_names: &["Abernathy", "Castellanos", "Greenwood", "Kowalczyk", "Longfellow", "Nakamura", "Whitaker"],
        streets: &["### Maple Avenue", "#### Harbor View Drive", "## Elm Street Apt #", "### SW Alder Court"],
        localities: &[("Asheville", "28###", "NC"), ("Boulder", "80###", "CO"), ("Duluth", "55###", "MN")],
    },
    Country {
        code: "JP",
        first_names: &["葵", "陽翔", "結衣", "蓮", "さくら", "大和"],
        last_names: &["佐々木", "中村", "山口", "石川", "藤田", "森本"],
        streets: &["桜町#丁目#-##", "本町#-#-#", "緑が丘##-#"],
        localities: &[
            ("金沢市", "92#-####", "石川県"),
            ("松本市", "39#-####", "長野県"),
            ("高松市", "76#-####", "香川県"),
        ],
    },
    Country {
        code: "BR",
        first_names: &["Antônia", "Caio", "Iara", "João", "Luíza", "Otávio", "Thaís"],
        last_names: &["Albuquerque", "Cavalcanti", "Figueiredo", "Guimarães", "Monteiro", "Sant'Anna"],
        streets: &["Rua das Acácias, ###", "Avenida Beira-Mar, ###", "Travessa do Sol, ##"],
        localities: &[("Olinda", "53###-###", "PE"), ("Ouro Preto", "35###-###", "MG"), ("Paraty", "23###-###", "RJ")],
    },
    Country {
        code: "NL",
        first_names: &["Bram", "Femke", "Jasmijn", "Joost", "Noor", "Sjoerd"],
        last_names: &["de Graaf", "van der Meulen", "Hoogeveen", "Kuipers", "ten Brink", "Zandstra"],
        streets: &["Korenbloemstraat ##", "Oude Gracht ###", "Molenpad #"],
        localities: &[
            ("Deventer", "74## @@", "Overijssel"),
            ("Middelburg", "43## @@", "Zeeland"),
            ("Haarlem", "20## @@", "Noord-Holland"),
        ],
    },
    Country {
        code: "IT",
        first_names: &["Beatrice", "Corrado", "Ginevra", "Lapo", "Ottavia", "Samuele"],
        last_names: &["Bellomo", "Castagna", "D'Angelo", "Ferraris", "Montesanto", "Tagliabue"],
        streets: &["Via dei Platani, ##", "Corso Garibaldi, ###", "Vicolo Stretto, #"],
        localities: &[("Lucca", "55###", "LU"), ("Matera", "75###", "MT"), ("Trento", "38###", "TN")],
    },
    Country {
        code: "ES",
        first_names: &["Aitana", "Íñigo", "Leire", "Marcos", "Nuria", "Rafael"],
        last_names: &["Arrieta Soler", "Cifuentes Vidal", "Galdós Peña", "Ibáñez Roca", "Quintana Mora"],
        streets: &["Calle del Olivo, ##", "Plaza Mayor, #, #º B", "Carrer de la Mar, ##"],
        localities: &[
            ("Cáceres", "10###", "Extremadura"),
            ("Girona", "17###", "Cataluña"),
            ("Ronda", "29###", "Andalucía"),
        ],
    },
    Country {
        code: "SE",
        first_names: &["Ebba", "Gustav", "Hanna", "Linnéa", "Måns", "Saga"],
        last_names: &["Åkerlund", "Bergström", "Hedman", "Nyqvist", "Sjöberg", "Wallin"],
        streets: &["Björkvägen ##", "Storgatan ##B", "Norra Hamngatan #"],
        localities: &[
            ("Uppsala", "75# ##", "Uppsala län"),
            ("Kalmar", "39# ##", "Kalmar län"),
            ("Umeå", "90# ##", "Västerbottens län"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_trade::consumers::ConsumerDraft;

    #[test]
    fn the_same_seed_makes_the_same_people() {
        let people = |seed| {
            let mut dice = Dice::new(seed);
            (0..20).map(|_| serde_json::to_string(&person(&mut dice)).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(people(7), people(7));
        assert_ne!(people(7), people(8));
    }

    /// If a made-up address looked like a phone number, it would be kept back or cut, and the story would be a lie.
    #[test]
    fn every_person_passes_the_product_s_own_screen_unchanged() {
        let mut dice = Dice::new(1);
        for country in &COUNTRIES {
            for _ in 0..200 {
                let person = country.person(&mut dice);
                let draft: ConsumerDraft = serde_json::from_value(serde_json::to_value(&person).unwrap()).unwrap();
                let consumer = draft.check().unwrap_or_else(|problem| panic!("{problem}: {}", person.street));
                let kept = consumer.expose();
                assert_eq!(
                    [kept.first_name, kept.last_name, kept.street, kept.postal_code, kept.region, kept.country],
                    [
                        &*person.first_name,
                        &person.last_name,
                        &person.street,
                        &person.postal_code,
                        &person.region,
                        person.country
                    ]
                );
            }
        }
    }
}
