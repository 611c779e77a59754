//! Progress on a terminal, for what takes longer than half a second.

use std::{
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::sql::visible;

/// What is faster than this shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(100);

/// The progress lines below the output.
pub(super) struct Bars(Option<MultiProgress>);

impl Bars {
    /// No progress at all.
    pub(super) fn hidden() -> Self {
        Self(None)
    }

    /// On the terminal that stderr is.
    pub(super) fn on_stderr() -> Self {
        let target = ProgressDrawTarget::stderr();
        Self(Some(MultiProgress::with_draw_target(target)))
    }

    /// Runs `print` with the progress lines out of the way.
    pub(super) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }

    pub(super) fn start(&self, message: String) -> Progress {
        let shown = self.0.as_ref().map(|bars| Shown::start(bars, message));
        Progress(shown)
    }
}

/// Something that takes its time. Its line goes when this is dropped.
#[must_use = "the progress ends when this is dropped"]
pub struct Progress(Option<Shown>);

impl Progress {
    /// Says what is being done now.
    pub fn message(&self, message: impl Into<String>) {
        if let Some(shown) = &self.0 {
            shown.bar.set_message(visible(&message.into()).into_owned());
        }
    }

    /// Says how much is done.
    pub fn position(&self, done: u64, total: u64) {
        if let Some(shown) = &self.0 {
            if shown.bar.length() != Some(total) {
                shown.bar.set_style(style(COUNTED));
                shown.bar.set_length(total);
            }
            shown.bar.set_position(done);
        }
    }
}

const UNCOUNTED: &str = "{spinner} {msg} {elapsed}";
const COUNTED: &str = "{spinner} {msg} {pos}/{len} {elapsed}";

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are constants")
}

/// A line that appears once patience runs out.
struct Shown {
    bar: ProgressBar,
    bars: MultiProgress,
    /// Dropping the sender wakes the waiting thread.
    stop: Option<Sender<()>>,
    waiting: Option<JoinHandle<()>>,
}

impl Shown {
    fn start(bars: &MultiProgress, message: String) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
            .with_style(style(UNCOUNTED))
            .with_message(message);
        let (stop, stopped) = mpsc::channel::<()>();
        let waiting = {
            let (bar, bars) = (bar.clone(), bars.clone());
            thread::spawn(move || {
                if stopped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    bars.add(bar).enable_steady_tick(TICK);
                }
            })
        };
        Self {
            bar,
            bars: bars.clone(),
            stop: Some(stop),
            waiting: Some(waiting),
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(waiting) = self.waiting.take() {
            // A panic of the drawing thread costs its line, nothing else.
            drop(waiting.join());
        }
        self.bar.finish_and_clear();
        self.bars.remove(&self.bar);
    }
}
