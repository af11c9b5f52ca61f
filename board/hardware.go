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

// SerialNumber gives the number that the maker has given this board, by its
// device tree or its processor; where it has none the address of HardwareID,
// without colons. "" if there is neither. It holds letters, digits, - and _
// alone.
func SerialNumber() string {
	return serialNumber([]string{"/proc/device-tree/serial-number"}, "/proc/cpuinfo", "/sys/class/net")
}

func serialNumber(files []string, cpuinfo, net string) string {
	for _, file := range files {
		if b, err := ReadFile(file, mostNumber); err == nil {
			if s := plainNumber(string(b)); s != "" {
				return s
			}
		}
	}
	if b, err := os.ReadFile(cpuinfo); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "Serial" {
				if s := plainNumber(value); s != "" {
					return s
				}
			}
		}
	}
	return plainNumber(hardwareID(net))
}

// mostNumber bounds a serial number.
const mostNumber = 64

// plainNumber leaves of a number what may stand in topics and names of files;
// "" where that is nothing but zeros.
func plainNumber(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, s)
	if strings.Trim(s, "0") == "" {
		return ""
	}
	return s
}
