//! The platform's own staff: what they must have learnt, and who looks at their powers again and again.

mod house;
mod training;
