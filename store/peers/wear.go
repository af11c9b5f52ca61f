package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

const batchSize = 20

// work does the work of one engine in this process: commits of 20 records,
// each followed by the drain of as many. With "steps" it tells each commit on
// standard output and waits for a byte before the next.
func work(name, dir, how string, commits int) error {
	e, err := open(name, dir)
	if err != nil {
		return err
	}
	step := func(n int) error { return nil }
	if how == "steps" {
		in := bufio.NewReader(os.Stdin)
		step = func(n int) error {
			fmt.Println(n)
			_, err := in.ReadByte()
			return err
		}
	}
	if err := step(0); err != nil { // it is open
		return err
	}
	for c := range commits {
		if err := e.append(batch(c*batchSize, batchSize)); err != nil {
			return err
		}
		if err := step((c + 1) * batchSize); err != nil {
			return err
		}
		if how != "steps" {
			if err := e.drain(batchSize); err != nil {
				return err
			}
		}
	}
	return e.close()
}

// start runs work in a process of its own.
func start(name, dir, how string, commits int) (*exec.Cmd, io.WriteCloser, *bufio.Scanner, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, nil, err
	}
	cmd := exec.Command(self, "work", "-commits", strconv.Itoa(commits), name, dir, how)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	return cmd, in, bufio.NewScanner(out), cmd.Start()
}

// wear prints what reaches the device.
func wear(commits int) error {
	tmp, err := os.MkdirTemp("", "peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	fmt.Printf("%d commits of %d records of 64 bytes, append and drain, ext4 on a loop device\n", commits, batchSize)
	fmt.Printf("%-10s %18s %18s %16s\n", "engine", "device B/user B", "flushes/commit", "writes/commit")
	for _, name := range []string{"ring-512", "ring", "sqlite", "bbolt", "tidwall"} {
		c, err := wearOf(name, tmp, commits)
		if errors.Is(err, errNoDisk) {
			fmt.Println("skipped:", err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Printf("%-10s %18.2f %18.2f %16.2f\n", name, float64(c.bytes)/float64(commits*batchSize*64), float64(c.flushes)/float64(commits), float64(c.writes)/float64(commits))
	}
	return nil
}

func wearOf(name, tmp string, commits int) (counted, error) {
	image := filepath.Join(tmp, name+".img")
	if err := os.WriteFile(image, make([]byte, 256<<20), 0o600); err != nil {
		return counted{}, err
	}
	defer os.Remove(image)
	if err := mkfs(image); err != nil {
		return counted{}, err
	}
	d, err := mount(image, filepath.Join(tmp, "mnt"))
	if err != nil {
		return counted{}, err
	}
	defer d.unmount()
	// Making the store is not what is measured.
	e, err := open(name, d.dir)
	if err != nil {
		return counted{}, err
	}
	if err := e.close(); err != nil {
		return counted{}, err
	}
	before, err := d.counts()
	if err != nil {
		return counted{}, err
	}
	cmd, in, out, err := start(name, d.dir, "", commits)
	if err != nil {
		return counted{}, err
	}
	in.Close()
	for out.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		return counted{}, err
	}
	after, err := d.counts()
	return counted{after.bytes - before.bytes, after.writes - before.writes, after.flushes - before.flushes}, err
}
