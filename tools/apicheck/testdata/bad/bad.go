package bad

type NoComment struct{ Field int }

// Thing has a comment; its parts have none.
type Thing struct {
	// Left has a comment that names no neighbour.
	Left  int
	Right int

	Options struct {
		Deep bool
	}
}

func (t *Thing) Method() {}

// List is generic.
type List[T any] struct{}

func (l *List[T]) Len() int { return 0 }

// Doer has a method without a comment.
type Doer interface {
	Do()
}

type base struct{}

func (base) Promoted() {}

// Derived shows a method of a type that is not exported.
type Derived struct{ base }

func Function() {}

const Constant = 1

const (
	First = iota
	// Second has a comment, which does not head the run.
	Second
	Third
)

var Variable int
