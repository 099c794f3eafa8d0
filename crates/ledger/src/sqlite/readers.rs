//! The connections that read, each with a thread of its own.
//!
//! A question goes to the thread that was busy last, if it rests: one thread then does most of the work, wakes alone,
//! and has the pages in its cache that were read a moment ago. Only when all are busy do questions wait.

use super::read;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a reader is asked. It sends its answer itself.
pub(super) type Question = Box<dyn FnOnce(&Connection) + Send>;

/// Asks the readers.
pub(super) struct Readers {
    desks: Vec<Sender<Question>>,
    waiting: Arc<Mutex<Waiting>>,
}

/// One reader's side.
pub(super) struct ReaderDesk {
    place: usize,
    questions: Receiver<Question>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Who waits: readers for questions, or questions for readers; never both.
#[derive(Default)]
struct Waiting {
    readers: Vec<usize>,
    questions: VecDeque<Question>,
    /// Readers that have not left.
    there: usize,
}

/// The two sides of so many readers. Each desk is to be worked at by a thread.
pub(super) fn readers(count: usize) -> (Readers, Vec<ReaderDesk>) {
    let waiting = Arc::new(Mutex::new(Waiting { there: count, ..Waiting::default() }));
    let desk = |place| {
        let (desk, questions) = channel();
        (desk, ReaderDesk { place, questions, waiting: Arc::clone(&waiting) })
    };
    let (desks, sides) = (0..count).map(desk).unzip();
    (Readers { desks, waiting }, sides)
}

impl Readers {
    /// Has a question answered; says whether anybody will.
    pub fn ask(&self, question: Question) -> bool {
        let mut waiting = locked(&self.waiting);
        let Some(place) = waiting.readers.pop() else {
            waiting.questions.push_back(question);
            return waiting.there > 0;
        };
        drop(waiting);
        self.desks.get(place).is_some_and(|desk| desk.send(question).is_ok())
    }
}

impl ReaderDesk {
    /// Answers until nobody can ask any more and nothing waits.
    pub fn work(self, connection: &Connection) {
        connection.set_prepared_statement_cache_capacity(read::STATEMENTS_KEPT);
        while let Some(question) = self.next() {
            question(connection);
        }
    }

    fn next(&self) -> Option<Question> {
        {
            let mut waiting = locked(&self.waiting);
            if let Some(question) = waiting.questions.pop_front() {
                return Some(question);
            }
            waiting.readers.push(self.place);
        }
        self.questions.recv().ok()
    }
}

impl Drop for ReaderDesk {
    /// Also when a question panics: with the last reader, whoever still waits is to be told.
    fn drop(&mut self) {
        let mut waiting = locked(&self.waiting);
        waiting.there -= 1;
        if waiting.there == 0 {
            waiting.questions.clear();
        }
    }
}

fn locked(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    fn asked(readers: &Readers, work: impl FnOnce() + Send + 'static) {
        assert!(readers.ask(Box::new(move |_| work())));
    }

    #[test]
    fn every_question_is_answered_however_many_there_are_and_those_that_wait_before_the_end() {
        let (readers, desks) = readers(2);
        let threads: Vec<_> = desks
            .into_iter()
            .map(|desk| thread::spawn(move || desk.work(&Connection::open_in_memory().unwrap())))
            .collect();
        let (answer, answers) = mpsc::channel();
        let (open, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        for number in 0..20 {
            let (answer, gate) = (answer.clone(), Arc::clone(&gate));
            asked(&readers, move || {
                gate.lock().unwrap().recv().unwrap();
                answer.send(number).unwrap();
            });
        }
        drop(readers);
        (0..20).for_each(|_| open.send(()).unwrap());
        for thread in threads {
            thread.join().unwrap();
        }
        drop(answer);
        let mut numbers: Vec<_> = answers.iter().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn where_no_reader_is_left_nobody_waits_for_an_answer() {
        let (readers, desks) = readers(1);
        let (answer, answers) = mpsc::channel::<()>();
        assert!(readers.ask(Box::new(move |_| drop(answer))), "it waits");
        drop(desks);
        assert!(answers.recv().is_err());
        assert!(!readers.ask(Box::new(|_| {})));
    }

    #[test]
    fn the_reader_that_was_busy_last_is_asked_first() {
        let (readers, desks) = readers(3);
        let threads: Vec<_> = desks
            .into_iter()
            .map(|desk| thread::spawn(move || desk.work(&Connection::open_in_memory().unwrap())))
            .collect();
        while locked(&readers.waiting).readers.len() < 3 {
            thread::yield_now();
        }
        let (answer, answers) = mpsc::channel();
        let mut who = Vec::new();
        for _ in 0..10 {
            let answer = answer.clone();
            asked(&readers, move || answer.send(thread::current().id()).unwrap());
            who.push(answers.recv().unwrap());
            while locked(&readers.waiting).readers.len() < 3 {
                thread::yield_now();
            }
        }
        who.dedup();
        assert_eq!(who.len(), 1);
        drop(readers);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
