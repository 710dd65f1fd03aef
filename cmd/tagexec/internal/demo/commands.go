package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed commands/*
var commandFiles embed.FS

// WriteCommands writes the executables that the demo's command jobs name into dir, which is to be the executor's
// COMMANDS_DIR and must exist.
func WriteCommands(dir string) error {
	entries, err := fs.ReadDir(commandFiles, "commands")
	if err != nil {
		return fmt.Errorf("list embedded commands: %w", err)
	}
	for _, entry := range entries {
		body, err := fs.ReadFile(commandFiles, "commands/"+entry.Name())
		if err != nil {
			return fmt.Errorf("read embedded command: %w", err)
		}
		if err := writeExecutable(filepath.Join(dir, entry.Name()), body); err != nil {
			return fmt.Errorf("write command: %w", err)
		}
	}
	return nil
}

// writeExecutable sets the mode by chmod, which unlike the mode of a new file does not pass through the umask.
func writeExecutable(path string, body []byte) error {
	if err := os.WriteFile(path, body, 0o700); err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}
