package main

import (
	"context"
	"time"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/ipld/merkledag"
	pin "github.com/ipfs/boxo/pinning/pinner"
	"github.com/ipfs/boxo/pinning/pinner/dspinner"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/sync"
	ipld "github.com/ipfs/go-ipld-format"
	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
)

// provideTimeout bounds how long others are told of new content.
const provideTimeout = 5 * time.Second

// node is a node of IPFS.
type node struct {
	host    host.Host
	routing *dht.IpfsDHT
	store   datastore.Batching
	blocks  blockstore.GCBlockstore
	online  ipld.DAGService
	offline ipld.DAGService // what is in the store
	pins    pin.Pinner
}

func newNode(ctx context.Context) (*node, error) {
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableRelay())
	if err != nil {
		return nil, err
	}
	routing, err := dht.New(h, dht.Mode(dht.ModeServer), dht.ProtocolPrefix("/runbook-test"), dht.DisableAutoRefresh())
	if err != nil {
		return nil, err
	}
	n := &node{host: h, routing: routing, store: sync.MutexWrap(datastore.NewMapDatastore())}
	n.blocks = blockstore.NewGCBlockstore(blockstore.NewBlockstore(n.store, blockstore.WriteThrough(true)), blockstore.NewGCLocker())
	exchange := bitswap.New(ctx, bsnet.NewFromIpfsHost(h), routing, n.blocks)
	n.online = merkledag.NewDAGService(blockservice.New(n.blocks, exchange, blockservice.WriteThrough(true)))
	n.offline = merkledag.NewDAGService(blockservice.New(n.blocks, offline.Exchange(n.blocks), blockservice.WriteThrough(true)))
	n.pins, err = dspinner.New(ctx, n.store, n.online)
	return n, err
}

// address returns where other nodes find this one.
func (n *node) address() string {
	return n.host.Addrs()[0].String() + "/p2p/" + n.host.ID().String()
}

// dag returns what a command reads from.
func (n *node) dag(isOffline bool) ipld.DAGService {
	if isOffline {
		return n.offline
	}
	return n.online
}

// provide tells those that it is connected to of new content. Nobody else need
// be there.
func (n *node) provide(ctx context.Context, c cid.Cid) {
	ctx, cancel := context.WithTimeout(ctx, provideTimeout)
	defer cancel()
	_ = n.routing.Provide(ctx, c, true)
}

// connect connects to another node, and waits until it is asked for content.
func (n *node) connect(ctx context.Context, to peer.AddrInfo) error {
	if err := n.host.Connect(ctx, to); err != nil {
		return err
	}
	for n.routing.RoutingTable().Find(to.ID) == "" {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}
