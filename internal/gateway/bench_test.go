package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// BenchmarkGateway measures one request and its answer over connections that
// stay open, through the gateway and, in the same run, through a plain
// httputil.ReverseProxy and with nothing in between. Caller and replica are
// kept as cheap as can be, so that what is measured is what is in between.
func BenchmarkGateway(b *testing.B) {
	address := rawReplica(b, func(conn net.Conn, in *bufio.Reader) {
		for {
			size, err := skipRequest(in)
			if err != nil {
				return
			}
			in.Discard(size)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"a\": [1.5]}")
		}
	})
	gateway := start(b, Config{})
	gateway.route(address)
	target, _ := url.Parse("http://" + address)
	reverse := httputil.NewSingleHostReverseProxy(target)
	reverse.Transport = &http.Transport{MaxIdleConnsPerHost: 512}
	reverse.FlushInterval = -1
	proxy := httptest.NewServer(http.StripPrefix("/api/predict/svc", reverse))
	defer proxy.Close()

	for _, request := range []struct{ name, head, body string }{
		{"GET", "GET /api/predict/svc/v2/x HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n", ""},
		{"POST", "POST /api/predict/svc/v2/x HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", strings.Repeat("x", 1000)},
	} {
		for _, through := range []struct{ name, address string }{
			{"gateway", gateway.g.Addr()}, {"reverseproxy", strings.TrimPrefix(proxy.URL, "http://")}, {"direct", address},
		} {
			b.Run(request.name+"/"+through.name, func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					conn, err := net.Dial("tcp", through.address)
					if err != nil {
						b.Error(err)
						return
					}
					defer conn.Close()
					in := bufio.NewReader(conn)
					out := []byte(request.head + request.body)
					for pb.Next() {
						conn.Write(out)
						size, err := skipRequest(in)
						if err != nil || size != 12 {
							b.Errorf("answer of %d bytes: %v", size, err)
							return
						}
						in.Discard(size)
					}
				})
			})
		}
	}
}

// skipRequest reads the head of a message and returns the length of its body.
func skipRequest(in *bufio.Reader) (size int, err error) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			return size, nil
		}
		if len(line) > 16 && string(line[:16]) == "Content-Length: " {
			fmt.Sscan(string(line[16:len(line)-2]), &size)
		}
	}
}

// BenchmarkHold is what a request pays so that the age of the oldest one is known.
func BenchmarkHold(b *testing.B) {
	g := &Gateway{board: newBoard(&Config{})}
	e := &endpoint{}
	b.RunParallel(func(pb *testing.PB) {
		x := newExchange(g)
		for pb.Next() {
			x.start++
			x.hold(e)
			x.hand.endpoint.Store(nil)
		}
	})
}
