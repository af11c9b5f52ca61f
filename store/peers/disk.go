package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// disk is a loop device with ext4 on it, mounted.
type disk struct{ loop, dir string }

// errNoDisk says that this machine does not let us mount.
var errNoDisk = errors.New("no loop device can be mounted here")

func run(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %v: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return strings.TrimSpace(string(out)), nil
}

// mkfs makes a file system that writes nothing by itself later.
func mkfs(image string) error {
	_, err := run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
	return err
}

// repair mends a file system as a board does at its start. Whether it helped
// shows when it is mounted.
func repair(image string) { run("e2fsck", "-f", "-y", image) }

// mount attaches an image and mounts it at dir.
func mount(image, dir string) (disk, error) {
	loop, err := run("losetup", "-f", "--show", image)
	if err != nil {
		return disk{}, fmt.Errorf("%w: %w", errNoDisk, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return disk{}, err
	}
	if _, err := run("mount", "-t", "ext4", "-o", "noatime", loop, dir); err != nil {
		run("losetup", "-d", loop)
		return disk{}, err
	}
	return disk{loop, dir}, nil
}

func (d disk) unmount() error {
	_, err := run("umount", d.dir)
	if _, err2 := run("losetup", "-d", d.loop); err == nil {
		err = err2
	}
	return err
}

// counted is what reached a block device.
type counted struct{ bytes, writes, flushes int64 }

// counts reads the kernel's counters of the device; only those are honest.
func (d disk) counts() (counted, error) {
	if _, err := run("sync", "-f", d.dir); err != nil {
		return counted{}, err
	}
	b, err := os.ReadFile("/sys/block/" + filepath.Base(d.loop) + "/stat")
	if err != nil {
		return counted{}, err
	}
	f := strings.Fields(string(b))
	if len(f) < 16 {
		return counted{}, fmt.Errorf("%s counts no flushes: %q", d.loop, b)
	}
	n := func(i int) int64 { v, _ := strconv.ParseInt(f[i], 10, 64); return v }
	return counted{bytes: n(6) * 512, writes: n(4), flushes: n(15)}, nil
}
