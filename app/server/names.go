package server

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"time"

	"seghub/app/config"
)

// hosts are the names that browsers may call the hub by; nil is any. Where an access key is asked, being able to reach the hub
// is worth nothing to a page that has got itself a name for it, and operators need not list theirs.
func (s *server) hosts() []string {
	if s.cfg.AccessKey != "" && len(s.cfg.Hosts) == 0 {
		return nil
	}
	machine := config.Hostname()
	hosts := append([]string{machine, machine + ".local"}, s.cfg.Hosts...)
	if name, _, err := net.SplitHostPort(s.cfg.Listen); err == nil && name != "" {
		hosts = append(hosts, name)
	}
	for _, origin := range s.cfg.Origins {
		if at, err := url.Parse(origin); err == nil {
			hosts = append(hosts, at.Hostname())
		}
	}
	return hosts
}

func (s *server) proxies() []netip.Prefix {
	proxies := make([]netip.Prefix, len(s.cfg.TrustedProxies))
	for i, network := range s.cfg.TrustedProxies {
		proxies[i] = network.Prefix
	}
	return proxies
}

// deployment tells this hub and those that share its storage from others under the same host name. Without storage
// it is the port, which tells it from others on this machine.
func (s *server) deployment(ctx context.Context) string {
	name, err := s.storageName(ctx)
	if err == nil {
		return name
	}
	s.log.Warn("the storage has no name yet: cookies go by the port", "error", err)
	_, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return ""
	}
	return port
}

// nameWithin is how long the storage may take to tell its name: a hub starts without, and says so.
const nameWithin = 10 * time.Second

func (s *server) storageName(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, nameWithin)
	defer cancel()
	return s.store.Identity(ctx)
}
