// Package bad is shown wrongly by its README.
package bad

// Answer is the answer.
const Answer = 42
