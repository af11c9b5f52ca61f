package fleet

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// filesOfABoard are its ring, which a second descriptor may write to, its
// connection, and one that the brokers hold for alive after a power failure.
const filesOfABoard = 4

// RoomForFiles raises the bound of open files as far as the system lets it, for
// this process and the brokers that it starts.
func RoomForFiles(boards int) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	need := uint64(filesOfABoard*boards + 256)
	if l.Max < need {
		return fmt.Errorf("%d boards need %d open files, and the system gives %d: want at most %d boards, or a higher limit (ulimit -Hn)", boards, need, l.Max, (l.Max-256)/filesOfABoard)
	}
	l.Cur = l.Max
	return syscall.Setrlimit(unix.RLIMIT_NOFILE, &syscall.Rlimit{Cur: l.Cur, Max: l.Max}) // so that who is started has it too
}

// cpuOf gives the processor time that the processes have used which listen at
// these addresses; nil if that cannot be told.
func cpuOf(brokers []string) *time.Duration {
	ports := map[string]bool{}
	for _, b := range brokers {
		u, err := url.Parse(b)
		if err != nil {
			return nil
		}
		port, _ := strconv.Atoi(u.Port())
		ports[fmt.Sprintf("%04X", port)] = true
	}
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listening(table, ports, sockets)
	}
	var sum time.Duration
	found := map[string]bool{}
	all, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range all {
		target, err := os.Readlink(fd)
		if process := filepath.Dir(filepath.Dir(fd)); err == nil && sockets[target] && !found[process] {
			found[process] = true
			sum += cpuOfProcess(process)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return &sum
}

// listening adds the sockets that listen at the ports, as /proc names them.
func listening(table string, ports, sockets map[string]bool) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close()
	const listens = "0A"
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) > 9 && fields[3] == listens {
			if _, port, ok := strings.Cut(fields[1], ":"); ok && ports[port] {
				sockets["socket:["+fields[9]+"]"] = true
			}
		}
	}
}

// cpuOfProcess reads utime and stime, the 14th and 15th field, in ticks of
// 10 ms.
func cpuOfProcess(process string) (sum time.Duration) {
	b, err := os.ReadFile(filepath.Join(process, "stat"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	for _, i := range []int{11, 12} {
		if i < len(fields) {
			ticks, _ := strconv.Atoi(fields[i])
			sum += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return sum
}
