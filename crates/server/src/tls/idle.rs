//! A connection on which nothing moves is closed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A stream that ends with an error once nothing was read or written for a while.
pub struct Idle<S> {
    stream: S,
    limit: Duration,
    moved: Instant,
    // Set anew only when it fires: a busy connection touches no timer.
    alarm: Pin<Box<Sleep>>,
}

impl<S> Idle<S> {
    /// Watches over a stream.
    pub fn new(stream: S, limit: Duration) -> Self {
        let moved = Instant::now();
        Self { stream, limit, moved, alarm: Box::pin(tokio::time::sleep_until(moved + limit)) }
    }

    fn judge<T>(&mut self, outcome: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.moved = Instant::now();
            return outcome;
        }
        while self.alarm.as_mut().poll(context).is_ready() {
            let end = self.moved + self.limit;
            if end <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.alarm.as_mut().reset(end);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Idle<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.judge(outcome, context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Idle<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(outcome, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        // A flush that had nothing to do is no movement.
        if outcome.is_ready() { outcome } else { self.judge(outcome, context) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(outcome, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.judge(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const LIMIT: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn silence_ends_it_and_movement_keeps_it() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut idle = Idle::new(near, LIMIT);
        let begun = Instant::now();
        let talk = tokio::spawn(async move {
            for _ in 0..3 {
                tokio::time::sleep(LIMIT / 2).await;
                far.write_all(b"x").await.unwrap();
            }
            far
        });
        for _ in 0..3 {
            idle.read_u8().await.unwrap();
        }
        let _far = talk.await.unwrap();
        assert_eq!(idle.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), (LIMIT / 2 * 3 + LIMIT).as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_stops_reading_is_let_go() {
        let (near, _far) = tokio::io::duplex(4);
        let mut idle = Idle::new(near, LIMIT);
        assert_eq!(idle.write_all(b"more than four").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
