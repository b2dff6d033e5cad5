// Package wire is the protocol between the host and a plugin: the gRPC
// service of backend.proto, the handshake that precedes it, and the
// conversions between its messages and the words of package effect. Neither
// the authors of backends nor the engine see it.
package wire

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative backend.proto

// The generators are pinned; install them before go generate:
//
//	go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
//	go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2

import (
	"context"
	"slices"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const (
	// Service is the name under which go-plugin dispenses the backend.
	Service = "backend"

	cookieKey   = "RUNBOOK_PLUGIN"
	cookieValue = "6f1d1c1e-backend"

	// LifeEnv names the environment variable that holds the number of a file
	// descriptor: a pipe that the host holds open for as long as it lives.
	LifeEnv = "RUNBOOK_PLUGIN_LIFE_FD"

	// CallsHeader says ManyCalls in the header of an Invoke stream on which a
	// plugin takes one call after another.
	CallsHeader = "runbook-calls"
	ManyCalls   = "many" // see CallsHeader

	// MaxMessage bounds one message, and thereby one value, in bytes.
	MaxMessage = 256 << 20

	// MaxAnswer bounds what a backend may say in one message, in bytes: a result
	// of effect.MaxResult, and what is around it.
	MaxAnswer = effect.MaxResult + 64<<10

	// Window is the flow control window. A fixed one spares the pings by which
	// gRPC would measure the connection.
	Window = 4 << 20
)

// Handshake returns what go-plugin checks before anything else. The cookie
// keeps people from starting plugins by hand; it is no protection.
func Handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{MagicCookieKey: cookieKey, MagicCookieValue: cookieValue}
}

// Environment returns the names of the variables by which the host speaks to
// a plugin at its start. They are not meant for the plugin's own children.
func Environment() []string {
	return []string{cookieKey, LifeEnv, "PLUGIN_MIN_PORT", "PLUGIN_MAX_PORT", "PLUGIN_PROTOCOL_VERSIONS",
		"PLUGIN_CLIENT_CERT", goplugin.EnvUnixSocketDir, goplugin.EnvUnixSocketGroup}
}

// Protocols is the table of the protocol versions that this program speaks,
// as host and as plugin; both sides settle on the newest that they share. A
// change that an older peer would misread adds a row.
//
// register adds the service to a plugin's server; a host passes nil.
func Protocols(register func(grpc.ServiceRegistrar)) map[int]goplugin.PluginSet {
	return map[int]goplugin.PluginSet{
		1: {Service: &v1{register: register}},
	}
}

// Versions returns the protocol versions that this program speaks, ascending.
func Versions() []int {
	var list []int
	for v := range Protocols(nil) {
		list = append(list, v)
	}
	slices.Sort(list)
	return list
}

// v1 tells go-plugin how to serve and how to reach version 1.
type v1 struct {
	goplugin.NetRPCUnsupportedPlugin
	register func(grpc.ServiceRegistrar)
}

// GRPCServer adds the backend to the plugin's server.
func (p *v1) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	p.register(s)
	return nil
}

// GRPCClient returns the connection itself; the host makes its client of it.
func (p *v1) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}
