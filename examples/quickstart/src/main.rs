//! The main job from clone to rollback, in one command.
fn main() {}
