// Package good has a comment at every exported name.
package good

import "io"

// Colour is a typed group's type.
type Colour string

// The colours: one name in the count.
const (
	Red   Colour = "red"
	Green Colour = "green"
)

// Code has constants in runs.
type Code int

const (
	// What went wrong early.
	CodeA Code = iota
	CodeB

	// What went wrong late.
	CodeC
	CodeD
)

const Beside = 1 // Beside has its comment beside it.

// ErrOne is a variable.
var ErrOne, ErrTwo error

// Thing has fields.
type Thing struct {
	// Left and Right are named by one comment.
	Left  int
	Right int

	// These have one heading:
	Up   int
	Down int

	Beside int // Beside has its comment beside it.
	// Reader is embedded.
	io.Reader

	hidden int
	nested struct{ Hidden int }
}

// Do does.
func (t *Thing) Do() {}

func (t *Thing) do() {}

// NewThing is a function, counted as one.
func NewThing() *Thing { return nil }

// Doer has methods.
type Doer[T any] interface {
	// Do does.
	Do(T)
}

// List is generic.
type List[T any] struct{}

// Len is a method of a generic type.
func (l List[T]) Len() int { return 0 }

type hidden struct{ Field int }

func (hidden) Method() {}

func helper() {}
