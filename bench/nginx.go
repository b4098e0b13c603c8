package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// nginxFile is nginx as a proxy of one backend: one process, connections to the
// backend that stay open, nothing logged, nothing buffered on disk.
const nginxFile = `daemon off;
master_process off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  upstream backend { server %[2]s; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen %[3]s;
    location %[4]s/ {
      proxy_pass http://backend/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
    }
  }
}
`

func (b *gatewayBench) startNginx(ctx context.Context, program, dir, backend string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxFile, dir, backend, address, prefix), 0o600); err != nil {
		return err
	}
	process, err := begin(pinned(ctx, b.proxyCore, program, "-p", dir, "-c", file, "-e", "stderr"))
	if err != nil {
		return err
	}
	b.proxies = append(b.proxies, &proxy{name: "nginx", address: address, process: process})
	return patiently(ctx, "nginx to listen", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}
