package board

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// HardwareID gives what tells this board from another one that runs from a copy
// of its card: the address of its first network interface that is hardware and
// not plugged in. "" if there is none.
func HardwareID() string { return hardwareID("/sys/class/net") }

func hardwareID(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var all []string
	for _, e := range entries {
		device, err := filepath.EvalSymlinks(filepath.Join(dir, e.Name(), "device"))
		if err != nil || strings.Contains(device, "/usb") { // it may be another adapter tomorrow
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name(), "address"))
		address := strings.TrimSpace(string(b))
		if err == nil && strings.Trim(address, "0:") != "" {
			all = append(all, address)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return slices.Min(all)
}
