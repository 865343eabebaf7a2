module github.com/oidcsso/oidcsso/interop

go 1.26.0

require golang.org/x/net v0.62.0

replace github.com/oidcsso/oidcsso => ..
