//! The cluster as the metadata log describes it: what its records add up to.
