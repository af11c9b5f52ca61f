package board

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// cardFile is there on a board that was started from a card of ours, whose
// network is ours to set (board/image/card/init).
const cardFile = "/run/card"

// networkFile is what a card's script brings its network to
// (board/image/card/root/usr/lib/meterd/network), as often as it changes.
const networkFile = "/run/meterd.network"

// OnCard reports whether this board was started from a card of ours.
func OnCard() bool {
	_, err := os.Stat(cardFile)
	return err == nil
}

// Network is what a card's network is to be. All of it was checked: it goes to
// a shell.
type Network struct {
	Interface string
	Address   string // with the length of its network; "": DHCP
	Gateway   string // "": none, or by DHCP
	DNS       []string
	HostName  string
}

// String gives it as the script reads it.
func (n Network) String() string {
	return fmt.Sprintf("interface='%s'\naddress='%s'\ngateway='%s'\nservers='%s'\nhost='%s'\n", n.Interface, n.Address, n.Gateway, strings.Join(n.DNS, " "), n.HostName)
}

// Set has the network brought to this. It is only written down here: where
// nothing changes, what works is not touched.
func (n Network) Set() error {
	text := []byte(n.String())
	if have, err := os.ReadFile(networkFile); err == nil && bytes.Equal(have, text) {
		return nil
	}
	err := os.WriteFile(networkFile+".new", text, 0o600) // in memory: nothing to make durable
	if err == nil {
		err = os.Rename(networkFile+".new", networkFile)
	}
	if err != nil {
		return fmt.Errorf("board: %w", err)
	}
	return nil
}

// Link is how an interface of the board is.
type Link struct {
	There     bool
	Cable     bool     // something answers at its other end
	Addresses []string // IPv4, with the length of their network
}

// LookAt tells how an interface is.
func LookAt(name string) (l Link) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return l
	}
	l.There = true
	carrier, err := os.ReadFile(filepath.Join("/sys/class/net", name, "carrier"))
	l.Cable = err == nil && strings.TrimSpace(string(carrier)) == "1"
	all, _ := i.Addrs()
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
			l.Addresses = append(l.Addresses, n.String())
		}
	}
	return l
}
