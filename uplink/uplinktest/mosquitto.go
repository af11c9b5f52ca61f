package uplinktest

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Mosquitto is a real broker, a process of its own, that knows its users by
// their passwords.
type Mosquitto struct {
	// Log, if not nil, is told each line of the broker's log, in which stands
	// who connects, subscribes and publishes. Set it before Start.
	Log func(line string)

	dir  string
	addr string
	cmd  *exec.Cmd
	read chan struct{} // closed when the log is at its end; nil: nobody reads it
}

// NewMosquitto starts a broker on a free port of this host, with its files in
// dir. Users are names with passwords; nobody else is admitted. More are further
// lines of its configuration.
func NewMosquitto(dir string, users map[string]string, more ...string) (*Mosquitto, error) {
	m, err := SetMosquitto(dir, users, more...)
	if err != nil {
		return nil, err
	}
	return m, m.Start()
}

// SetMosquitto prepares such a broker, for Start.
func SetMosquitto(dir string, users map[string]string, more ...string) (*Mosquitto, error) {
	addr, err := FreePort()
	if err != nil {
		return nil, err
	}
	m := &Mosquitto{dir: dir, addr: addr}
	passwords := filepath.Join(dir, "passwords")
	if err := os.WriteFile(passwords, nil, 0o600); err != nil {
		return nil, err
	}
	for user, password := range users {
		if out, err := exec.Command(inSbin("mosquitto_passwd"), "-b", passwords, user, password).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("mosquitto_passwd: %w: %s", err, out)
		}
	}
	_, port, _ := net.SplitHostPort(m.addr)
	conf := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous false\npassword_file %s\npersistence false\nset_tcp_nodelay true\nlog_dest stderr\nlog_type all\n", port, passwords)
	for _, line := range more {
		conf += line + "\n"
	}
	if os.Getuid() == 0 {
		conf += "user root\n"
	}
	if err := os.WriteFile(m.conf(), []byte(conf), 0o600); err != nil {
		return nil, err
	}
	return m, nil
}

// FreePort gives an address of this host that nobody listens at. It lies below
// the ports that the kernel gives out by itself, so that no connection of
// another test takes it before the broker does, or while that is stopped.
func FreePort() (string, error) {
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10000+rand.N(20000))
		if l, err := net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", errors.New("this host has no free port")
}

// inSbin finds a program also where Debian puts daemons.
func inSbin(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return "/usr/sbin/" + name
}

func (m *Mosquitto) conf() string { return filepath.Join(m.dir, "mosquitto.conf") }

// Addr is where the broker listens, also after it was started again.
func (m *Mosquitto) Addr() string { return m.addr }

// Start starts the broker, also again after Stop, and waits until it listens.
func (m *Mosquitto) Start() error {
	m.cmd = exec.Command(inSbin("mosquitto"), "-c", m.conf())
	if m.Log != nil {
		lines, err := m.cmd.StderrPipe()
		if err != nil {
			return err
		}
		m.read = make(chan struct{})
		read := m.read
		go func() { // ends with the broker
			defer close(read)
			for s := bufio.NewScanner(lines); s.Scan(); {
				m.Log(s.Text())
			}
		}()
	}
	if err := m.cmd.Start(); err != nil {
		m.cmd, m.read = nil, nil
		return fmt.Errorf("%w (make setup installs mosquitto)", err)
	}
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var c net.Conn
		if c, err = net.Dial("tcp", m.addr); err == nil {
			return c.Close()
		}
	}
	return fmt.Errorf("mosquitto does not listen: %w", err)
}

// Stop kills the broker; where it does not run, nothing happens.
func (m *Mosquitto) Stop() {
	if m.cmd != nil {
		m.cmd.Process.Kill()
		if m.read != nil {
			<-m.read // Wait closes the pipe, whatever is still in it
		}
		m.cmd.Wait()
		m.cmd = nil
	}
}
