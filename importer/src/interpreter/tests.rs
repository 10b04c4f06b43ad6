//! Whole fixtures are run by the evaluator's own test target; here are the parts.
