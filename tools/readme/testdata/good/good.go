// Package good is shown by its README.
package good

// Answer is the answer.
const Answer = 42
