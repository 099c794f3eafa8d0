//! What holds for every route, and for the way requests take to it.

mod access;
mod canaries;
mod confirmation;
mod console;
mod devices;
mod every_route;
mod identity;
mod installs;
mod once_only;
mod payment_pages;
mod shop_pages;
mod surroundings;
