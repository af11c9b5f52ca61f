package board

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// uevent is what the kernel tells of a device that comes or goes.
type uevent struct {
	action, subsystem, name string // "add", "block", "sda1"
}

// toldAgain is the action of a message that somebody has asked the kernel for,
// as udev does once it has looked at a disk: nothing came or went
// (Documentation/ABI/testing/sysfs-uevent).
const toldAgain = "again"

// parseUevent reads a message of the kernel: "add@/devices/…", then KEY=value,
// each closed by a zero. Those of udev begin otherwise.
func parseUevent(b []byte) (uevent, bool) {
	head, rest, _ := bytes.Cut(b, []byte{0})
	if !bytes.ContainsRune(head, '@') {
		return uevent{}, false
	}
	var e uevent
	var again bool
	for field := range bytes.SplitSeq(rest, []byte{0}) {
		key, value, _ := strings.Cut(string(field), "=")
		switch key {
		case "ACTION":
			e.action = value
		case "SUBSYSTEM":
			e.subsystem = value
		case "DEVNAME":
			e.name = strings.TrimPrefix(value, "/dev/")
		case "SYNTH_UUID":
			again = true
		}
	}
	if again {
		e.action = toldAgain
	}
	return e, e.action != "" && e.subsystem != ""
}

// kernelGroup is the multicast group of the kernel's own messages; udev's is
// another.
const kernelGroup = 1

// uevents hands what the kernel tells to take until the context ends. When
// some were lost it is told of an empty one.
func uevents(ctx context.Context, take func(uevent)) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return fmt.Errorf("board: uevents: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: kernelGroup}); err != nil {
		unix.Close(fd)
		return fmt.Errorf("board: uevents: %w", err)
	}
	f := os.NewFile(uintptr(fd), "uevents") // waits in the poller, so that Close wakes it
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { f.Close() })
	defer stop()
	raw, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("board: uevents: %w", err)
	}
	take(uevent{}) // what came before
	buf := make([]byte, 16<<10)
	for {
		var n int
		var from unix.Sockaddr
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			n, from, failed = unix.Recvfrom(int(fd), buf, 0)
			return !errors.Is(failed, unix.EAGAIN)
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("board: uevents: %w", err)
		case errors.Is(failed, unix.ENOBUFS):
			take(uevent{})
			continue
		case errors.Is(failed, unix.EINTR):
			continue
		case failed != nil:
			return fmt.Errorf("board: uevents: %w", failed)
		}
		// Any program may send to the socket; only the kernel's word counts.
		if a, ok := from.(*unix.SockaddrNetlink); !ok || a.Pid != 0 {
			continue
		}
		if e, ok := parseUevent(buf[:n]); ok {
			take(e)
		}
	}
}
