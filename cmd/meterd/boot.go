package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"meterd/board"
	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/update"
)

// The launcher. What init starts is the program of the package, which no
// update replaces; it becomes the program in the slot that is to run. A
// program that was started so finds in its environment where the slots are,
// which one it is in, and by the package of which version it was started.
const (
	envSlots   = "METERD_SLOTS"
	envSlot    = "METERD_SLOT"
	envPackage = "METERD_PACKAGE"
)

func runBoot(f *flag.FlagSet, args []string, s cli.Streams) error {
	dir := f.String("slots", "", "the folder of the slots")
	if err := cli.Parse(f, args, 1, -1); err != nil {
		return err
	}
	rest := f.Args()
	if *dir == "" || rest[0] != "run" && rest[0] != guardWord {
		return cli.Wrong(f, "as in: meterd boot -slots /data/slots run -config /data/meterd.toml")
	}
	tell := func(err error) {
		if err != nil {
			fmt.Fprintln(s.Err, "meterd boot:", err)
		}
	}
	folder := update.OpenFolder(*dir, update.ThisPackage(version), update.NoSlot)
	if rest[0] == guardWord && !board.OnCard() { // it makes nothing: it may come late
		return guard(folder, *dir, rest[1:])
	}
	tell(board.MakeDir(*dir, 0o700)) // the package's program runs all the same
	if board.OnCard() {              // whose boot loader starts the slots
		tell(os.Setenv(envSlots, *dir))
		return runRest(rest, s)
	}
	for {
		slot, err := folder.Start()
		tell(err)
		for _, v := range [][2]string{{envSlots, *dir}, {envSlot, string(slot)}, {envPackage, version}} {
			tell(os.Setenv(v[0], v[1]))
		}
		if slot == update.NoSlot {
			break
		}
		trial := folder.OnTrial(slot)
		if trial {
			tell(startGuard(*dir, slot))
		}
		path := filepath.Join(*dir, string(slot))
		tell(fmt.Errorf("%s does not start: %w", path, syscall.Exec(path, append([]string{path}, rest...), os.Environ())))
		if !trial {
			tell(os.Setenv(envSlot, string(update.NoSlot)))
			break
		}
		tell(folder.Fall(slot, update.Broken))
		if folder.OnTrial(slot) { // it cannot be noted: the start counts, and that is all
			tell(os.Setenv(envSlot, string(update.NoSlot)))
			break
		}
	}
	return runRest(rest, s)
}

// runRest goes on as the program that was started.
func runRest(rest []string, s cli.Streams) error {
	own := flag.NewFlagSet("run", flag.ContinueOnError)
	own.SetOutput(s.Err)
	return runDaemon(own, rest[1:], s)
}

// slots gives the slots of this board, nil where the program was not started by
// its launcher, and the folder in which more is noted.
func slots() (s update.Slots, dir string) {
	dir = os.Getenv(envSlots)
	if dir == "" {
		return nil, ""
	}
	if board.OnCard() {
		c, err := update.OpenCard(board.Reboot)
		if err != nil {
			fmt.Fprintln(os.Stderr, "meterd boot:", err)
			return nil, ""
		}
		return c, dir
	}
	return update.OpenFolder(dir, update.ThisPackage(os.Getenv(envPackage)), update.Slot(os.Getenv(envSlot))), dir
}

// A guard sits beside a program on trial and ends it where it neither proves
// itself nor ends: a board may have no watchdog. It is the package's program
// too, and a child of init, so that nobody has to wait for it.
const (
	guardWord = "guard"
	// guardFor is how long a program on trial may run without a word: it ends its
	// trial itself before.
	guardFor = update.TrialFor + 2*time.Minute
	// guardLooks is how many times it looks meanwhile whether it is needed.
	guardLooks = 100
)

// startGuard starts the guard of what this process is about to become.
func startGuard(dir string, slot update.Slot) error {
	if err := guardProcess(dir, string(slot), strconv.Itoa(os.Getpid()), startOf(os.Getpid()), guardFor.String()).Run(); err != nil {
		return fmt.Errorf("nobody guards the new program: %w", err)
	}
	return nil
}

func guardProcess(dir string, args ...string) *exec.Cmd {
	c := exec.Command("/proc/self/exe", append([]string{"boot", "-slots", dir, guardWord}, args...)...)
	c.Env = append(os.Environ(), "GOMAXPROCS=1")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return c
}

// guard is the guard's process: SLOT PID START FOR starts another one with a fifth
// argument, which waits.
func guard(folder *update.Folder, dir string, args []string) error {
	if len(args) == 4 {
		return guardProcess(dir, append(args, "now")...).Start()
	}
	if len(args) != 5 {
		return cli.ErrUsage
	}
	slot, start := update.Slot(args[0]), args[2]
	pid, err := strconv.Atoi(args[1])
	long, longErr := time.ParseDuration(args[3])
	if err != nil || longErr != nil {
		return cli.ErrUsage
	}
	for range guardLooks {
		time.Sleep(long / guardLooks)
		if startOf(pid) != start || !folder.OnTrial(slot) {
			return nil
		}
	}
	return errors.Join(folder.Fall(slot, update.Hung), unix.Kill(pid, unix.SIGKILL))
}

// startOf tells a process from another of its number by when it was started,
// in ticks since the system's; "" if there is none.
func startOf(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ") // after a name that may hold anything
	fields := strings.Fields(rest)
	const starttime = 22 - 3 // proc(5): field 22 of those that begin with the state, 3
	if len(fields) <= starttime || fields[0] == "Z" {
		return ""
	}
	return fields[starttime]
}
