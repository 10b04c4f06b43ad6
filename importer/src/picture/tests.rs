//! Pictures of fixtures.
