// Command quickstart does nothing.
package main

func main() {}
