//! A hardware module holds the root: the server unseals by itself, and without the module serves nothing.

use crate::house::{House, Server, order};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian keeps `SoftHSM2`'s library.
const MODULES: [&str; 2] = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];

const PIN: &str = "493817";

/// A token of the house's own, and what names it to a server.
struct Hardware {
    module: &'static str,
    tokens: PathBuf,
    settings: PathBuf,
    pin: PathBuf,
}

impl Hardware {
    fn of(house: &House) -> Option<Self> {
        let Some(module) = MODULES.into_iter().find(|module| Path::new(module).exists()) else {
            eprintln!("skipped: SoftHSM2 is not installed (cargo xtask needs)");
            return None;
        };
        let (tokens, settings, pin) = (house.path("tokens"), house.path("softhsm2.conf"), house.path("pin"));
        std::fs::create_dir(&tokens).unwrap();
        let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
        std::fs::write(&settings, text).unwrap();
        std::fs::write(&pin, PIN).unwrap();
        std::fs::set_permissions(&pin, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", "vault", "--so-pin", "271828", "--pin", PIN])
            .env("SOFTHSM2_CONF", &settings)
            .status();
        assert!(made.unwrap().success());
        Some(Self { module, tokens, settings, pin })
    }

    fn with(&self, mut command: Command) -> Command {
        command.env("SOFTHSM2_CONF", &self.settings).env("BONDED_HSM_MODULE", self.module);
        command.env("BONDED_HSM_TOKEN", "vault").env("BONDED_HSM_PIN_FILE", &self.pin);
        command
    }

    fn serve(&self, house: &House) -> Server {
        house.serve_by(self.with(house.command(&["serve"])))
    }

    fn unplug(&self) {
        std::fs::rename(&self.tokens, self.tokens.with_extension("away")).unwrap();
    }

    fn plug_in(&self) {
        std::fs::rename(self.tokens.with_extension("away"), &self.tokens).unwrap();
    }
}

async fn until(server: &Server, status: u16) {
    while server.ready().await.0 != status {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn hardware_unseals_by_itself_and_without_it_nothing_is_served() {
    let house = House::new();
    let Some(hardware) = Hardware::of(&house) else { return };
    let server = hardware.serve(&house);
    house.must(&["keys", "unseal", "--officer", &house.officer()]);
    assert_eq!(house.run(&["keys", "move", "--to", "nowhere"]).code, 64);
    house.must(&["keys", "move", "--to", "hsm"]);
    let (_, key) = house.account("Corner Shop", "retailer");
    assert_eq!(Server::answer(server.post("/v1/orders", &key, &order("1"))).await.0, 201);
    server.stop().await;

    let server = hardware.serve(&house);
    until(&server, 200).await;
    assert_eq!(Server::answer(server.post("/v1/orders", &key, &order("2"))).await.0, 201);
    assert_eq!(house.must(&["keys", "status", "--json"]).json()["holder"]["kind"], "hsm");
    assert!(house.must(&["keys", "status"]).out.contains("the hardware token vault, which answers"));

    hardware.unplug();
    until(&server, 503).await;
    assert_eq!(server.ready().await.1["status"], "sealed");
    assert_eq!(Server::answer(server.post("/v1/orders", &key, &order("3"))).await.0, 503);
    assert!(house.must(&["keys", "status"]).out.contains("AWAY"));
    let doctor = house.run(&["doctor"]);
    assert!(doctor.code == 1 && doctor.out.contains("which is away"), "{}", doctor.out);
    hardware.plug_in();
    until(&server, 200).await;
    assert_eq!(Server::answer(server.post("/v1/orders", &key, &order("3"))).await.0, 201);
    let log = server.stop().await;
    assert!(log.contains("the hardware module is away: the vault is sealed"), "{log}");
    assert!(!log.contains(PIN));
}

#[tokio::test]
async fn what_an_operator_seals_stays_sealed_and_the_root_moves_back_to_the_officers() {
    let house = House::new();
    let Some(hardware) = Hardware::of(&house) else { return };
    // Where no server runs, the officer's identity or the module unseals.
    let here = |words: &[&str]| hardware.with(house.command(words)).output().unwrap();
    assert!(here(&["keys", "move", "--to", "hsm", "--officer", &house.officer()]).status.success());
    assert!(here(&["account", "list"]).status.success(), "the module unseals for a command, too");
    assert_eq!(house.run(&["account", "list"]).code, 78, "and nobody without it");

    let server = hardware.serve(&house);
    until(&server, 200).await;
    house.must(&["keys", "seal"]);
    assert_eq!(server.ready().await.0, 503);
    let refused = house.run(&["keys", "unseal", "--officer", &house.officer()]);
    assert_eq!(refused.code, 77, "{}", refused.err);
    assert_eq!(server.ready().await.0, 503);
    house.must(&["keys", "unseal"]);
    assert_eq!(server.ready().await.0, 200);
    house.must(&["keys", "move", "--to", "officers"]);
    assert!(house.must(&["keys", "status"]).out.contains("held by      the officers"));
    server.stop().await;
    let server = house.serve_unsealed();
    assert_eq!(server.ready().await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_refused_pin_is_tried_once() {
    let house = House::new();
    let Some(hardware) = Hardware::of(&house) else { return };
    let moved = hardware.with(house.command(&["keys", "move", "--to", "hsm", "--officer", &house.officer()])).output();
    assert!(moved.unwrap().status.success());
    std::fs::write(&hardware.pin, "000000").unwrap();
    let server = hardware.serve(&house);
    let refused = house.run(&["keys", "unseal"]);
    assert_eq!(refused.code, 77, "{}", refused.err);
    assert!(refused.err.contains("PinIncorrect"), "{}", refused.err);
    assert_eq!(server.ready().await.0, 503);
    let log = server.stop().await;
    assert!(!log.contains("000000"));
}
