module routellm.dev/go/routellm

go 1.24
