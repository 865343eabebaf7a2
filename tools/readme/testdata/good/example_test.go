package good_test

import (
	"fmt"

	"example.com/good"
)

func Example() {
	answer := good.Answer // found by counting

	fmt.Println(answer)
	// Output: 42
}
