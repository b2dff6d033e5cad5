// Command runbook-plugin-kubernetes carries the module deploy on Kubernetes. It
// is a program and a Go module of its own, so that nobody else builds client-go.
package main

import (
	"github.com/q-ecosystem/runbook/cmd/runbook-plugin-kubernetes/kubernetes"
	"github.com/q-ecosystem/runbook/plugins"
)

func main() { plugins.Serve(kubernetes.New()) }
