package main

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// openBrowser starts the desktop's browser.
func openBrowser(url, without string) error {
	command := browser(url, without)
	if err := command.Start(); err != nil {
		return err
	}
	go command.Wait()
	return nil
}

// browser is the command. No shell reads the URL, and the program that is started does not get the environment variable that
// has the client secret.
func browser(url, without string) *exec.Cmd {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	command := exec.Command(name, args...)
	command.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return without != "" && strings.HasPrefix(entry, without+"=")
	})
	return command
}
