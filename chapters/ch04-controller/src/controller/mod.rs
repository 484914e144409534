//! The controller: a command goes in, records and a reply come out.
