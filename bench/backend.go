package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
)

const answer = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"a\": [1.5]}"

// backend answers every request with the same few bytes, as cheaply as can be,
// so that what is measured is what is in front of it.
func backend([]string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			for in := bufio.NewReader(conn); ; {
				_, size, err := head(in)
				if err != nil {
					return
				}
				if _, err := in.Discard(size); err != nil {
					return
				}
				if _, err := io.WriteString(conn, answer); err != nil {
					return
				}
			}
		}()
	}
}

// head reads the head of a message: its first line and the length of its body.
func head(in *bufio.Reader) (first string, size int, err error) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return first, 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch name, value, ok := bytes.Cut(line, []byte(":")); {
		case len(line) == 0:
			return first, size, nil
		case first == "":
			first = string(line)
		case ok && len(name) == len("Content-Length") && bytes.EqualFold(name, []byte("Content-Length")):
			if size, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return first, 0, err
			}
		}
	}
}

// reverseProxy is the peer that everybody would write first: the standard
// library's, with as many idle connections as the load has.
func reverseProxy(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("the address of the backend is wanted, %q is given", args)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: args[0]})
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 512}
	proxy.FlushInterval = -1
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, http.StripPrefix(prefix, proxy))
}
