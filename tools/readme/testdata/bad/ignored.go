//go:build ignore

package main

const notCompiled = 1
