package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// newEngine is alive and offers nothing; it returns its address and its end.
func newEngine(t *testing.T) (string, func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	return listener.Addr().String(), s.Stop
}

// begin serves as the CLI starts it and returns a client, and how it ended.
func begin(t *testing.T, ctx context.Context, args ...string) (pulumirpc.LanguageRuntimeClient, <-chan error) {
	t.Helper()
	out, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, args, stdout, io.Discard) }()
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("127.0.0.1:"+strings.TrimSpace(port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return pulumirpc.NewLanguageRuntimeClient(conn), ended
}

func TestItAnswersTheCLI(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	engine, _ := newEngine(t)
	client, ended := begin(t, ctx, "-v=9", "--logtostderr", engine)
	if info, err := client.GetPluginInfo(ctx, &emptypb.Empty{}); err != nil || info.Version != "" {
		t.Errorf("GetPluginInfo: %v, %v; want no version", info, err)
	}
	if packages, err := client.GetRequiredPackages(ctx, &pulumirpc.GetRequiredPackagesRequest{}); err != nil || len(packages.Packages) > 0 {
		t.Errorf("GetRequiredPackages: %v, %v; want none", packages, err)
	}
	if about, err := client.About(ctx, &pulumirpc.AboutRequest{}); err != nil || !strings.HasPrefix(about.Version, "go1.") {
		t.Errorf("About: %v, %v; want Go's version", about, err)
	}
	if res, err := client.Run(ctx, script(t, "exit 32")); err != nil || !res.Bail {
		t.Errorf("Run: %v, %v; want bail", res, err)
	}
	if _, err := client.Template(ctx, &pulumirpc.TemplateRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("Template: got %v, want that it is not implemented", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

func TestItEndsWithTheEngine(t *testing.T) {
	engine, kill := newEngine(t)
	_, ended := begin(t, t.Context(), engine)
	kill()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(soon):
		t.Errorf("still serving %v after the engine was gone", soon)
	}
}

func TestStartedByHandItSaysWhoStartsIt(t *testing.T) {
	err := serve(t.Context(), nil, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "CLI") {
		t.Errorf("got %v, want an error that names the CLI", err)
	}
}
