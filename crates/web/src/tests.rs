//! What holds for every route, and for the way requests take to it.

mod canaries;
mod every_route;
mod identity;
mod once_only;
mod surroundings;
