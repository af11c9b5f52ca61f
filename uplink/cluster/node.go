// Package cluster has a cluster of NATS servers with JetStream, each a process
// of its own that speaks MQTT, for a test that kills them. What a node has
// acknowledged is on a quorum of their disks.
package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// environment names the variable that makes a process a node.
const environment = "METERD_NODE"

// node is a server of a cluster.
type node struct {
	Name   string
	Dir    string // of what it stores
	MQTT   int    // ports
	Client int
	Route  int
	Routes []int // of all

	process *exec.Cmd
}

// RunAsNode runs a node if this process is to be one, and does not come back
// then.
func RunAsNode() {
	text := os.Getenv(environment)
	if text == "" {
		return
	}
	var n node
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	const host = "127.0.0.1"
	o := &server.Options{
		ServerName: n.Name, Host: host, Port: n.Client, JetStream: true, StoreDir: n.Dir, SyncAlways: true,
		Cluster: server.ClusterOpts{Name: "meterd", Host: host, Port: n.Route},
		MQTT:    server.MQTTOpts{Host: host, Port: n.MQTT, StreamReplicas: len(n.Routes), AckWait: 5 * time.Second},
	}
	for _, port := range n.Routes {
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats-route", Host: fmt.Sprintf("%s:%d", host, port)})
	}
	s, err := server.NewServer(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s.Start()
	s.WaitForShutdown()
	os.Exit(0)
}

// Cluster is some nodes.
type Cluster struct{ nodes []*node }

// New gives a cluster of n nodes with their files in dir, none of which runs.
func New(dir string, n int) (*Cluster, error) {
	c := &Cluster{}
	var ports []int
	for range 3 * n {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	for i := range n {
		name := fmt.Sprintf("n%d", i+1)
		c.nodes = append(c.nodes, &node{Name: name, Dir: filepath.Join(dir, name), MQTT: ports[i], Client: ports[n+i], Route: ports[2*n+i], Routes: ports[2*n:]})
	}
	return c, nil
}

// freePort gives a port of this host that nobody listens at. It lies below those
// that the kernel gives out by itself, so that no connection takes it while its
// node is dead.
func freePort() (int, error) {
	for range 1000 {
		port := 10000 + rand.N(20000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("this host has no free port")
}

// Addr is where a node speaks MQTT.
func (c *Cluster) Addr(i int) string { return fmt.Sprintf("127.0.0.1:%d", c.nodes[i].MQTT) }

// Start starts a node, also again after Kill, with what it had stored.
func (c *Cluster) Start(i int) error {
	n := c.nodes[i]
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	n.process = exec.Command(self)
	n.process.Env = append(os.Environ(), environment+"="+string(text))
	n.process.Stderr = os.Stderr
	return n.process.Start()
}

// Kill kills a node; where it does not run, nothing happens.
func (c *Cluster) Kill(i int) {
	if n := c.nodes[i]; n.process != nil {
		n.process.Process.Kill()
		n.process.Wait()
		n.process = nil
	}
}
