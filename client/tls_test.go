package client

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// behindTLS serves the hub as one whose certificate comes from nobody whom this machine trusts.
func (s *scripted) behindTLS() *httptest.Server {
	server := httptest.NewUnstartedServer(s.mux)
	server.Config.ErrorLog = log.New(s.t.Output(), "", 0) // of handshakes that are refused
	server.StartTLS()
	s.t.Cleanup(server.Close)
	return server
}

// tlsHub names the hub that the test below runs itself for, in a process of its own: what is trusted is read once a process.
const tlsHub = "SEGHUB_TEST_TLS_HUB"

// TestCertificateOfOnesOwn has SSL_CERT_FILE name the certificate, for calls and for events.
func TestCertificateOfOnesOwn(t *testing.T) {
	if address := os.Getenv(tlsHub); address != "" {
		c, err := Open(t.Context(), Config{URL: address})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Disconnect()
		if words, err := told(t.Context(), c); !HasCode(err, CodeUnauthorized) || len(words) != 1 || words[0] != "snapshot" {
			t.Errorf("heard %q, %v", words, err)
		}
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("left out: SSL_CERT_FILE, which this system does not read")
	}
	hub := newScripted(t)
	hub.serveEvents(func(_ string, c *websocket.Conn) {
		say(t, c, `{"type":"welcome","seq":1,"epoch":"e"}`, `{"type":"snapshot","seq":1,"epoch":"e"}`)
		closeWith(c, 4404)
	})
	server := hub.behindTLS()
	file := filepath.Join(t.TempDir(), "lab.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCertificateOfOnesOwn$", "-test.count=1")
	again.Env = append(os.Environ(), tlsHub+"="+server.URL, "SSL_CERT_FILE="+file)
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestWhatNoOtherTryMendsIsSaidAtOnce has a certificate that nobody trusts, and a hub without TLS that is called with https.
func TestWhatNoOtherTryMendsIsSaidAtOnce(t *testing.T) {
	hub := newScripted(t)
	plain := httptest.NewServer(hub.mux)
	defer plain.Close()
	open := func(address string) error {
		_, err := Open(t.Context(), Config{URL: address, Retrying: func(err error, _ time.Duration) { t.Errorf("tried again: %v", err) }})
		return err
	}
	var certificate *tls.CertificateVerificationError
	if err := open(hub.behindTLS().URL); !errors.As(err, &certificate) {
		t.Error(err)
	}
	if err := open(strings.Replace(plain.URL, "http", "https", 1)); !errors.Is(err, http.ErrSchemeMismatch) {
		t.Error(err)
	}
}

// TestEventsWhereCallsSpeakHTTP2 has a transport as programs make theirs, and a hub behind a proxy that speaks HTTP/2 where it is asked to.
func TestEventsWhereCallsSpeakHTTP2(t *testing.T) {
	hub := newScripted(t)
	hub.serveEvents(func(_ string, c *websocket.Conn) {
		say(t, c, `{"type":"welcome","seq":1,"epoch":"e"}`, `{"type":"snapshot","seq":1,"epoch":"e"}`)
		closeWith(c, 4404)
	})
	server := httptest.NewUnstartedServer(hub.mux)
	server.Config.ErrorLog = log.New(t.Output(), "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	c, err := Open(t.Context(), Config{URL: server.URL, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Disconnect()
	for event, err := range c.Events(t.Context(), Follow{}) {
		if gone, is := event.(Disconnected); is {
			t.Fatal(gone.Err)
		}
		if event == nil && !HasCode(err, CodeUnauthorized) {
			t.Error(err)
		}
	}
}
