//go:build ignore

package main

func NotPartOfThePackage() {}
