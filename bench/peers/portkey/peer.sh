# Portkey's gateway: Node.js, from npm. Sourced by bench/run, which sets what is not defined here.

# Puts it into FOLDER, unless this version is there.
portkey_install() {
    local folder=$1 wanted=$bench/peers/portkey/package.json
    [[ -d $folder/node_modules ]] && cmp -s "$wanted" "$folder/installed.json" && return
    command -v npm >/dev/null || { say "Portkey needs node and npm"; return 1; }
    say "installing Portkey into $folder"
    rm -rf "$folder"
    mkdir -p "$folder" && cp "$wanted" "$folder/package.json" &&
        (cd "$folder" && npm install --no-audit --no-fund --silent >&2) &&
        cp "$wanted" "$folder/installed.json"
}

portkey_version() { sed -n 's/.*"@portkey-ai\/gateway": "\([^"]*\)".*/\1/p' "$bench/peers/portkey/package.json"; }

# Sets `argv` to what starts it on PORT. NODE_ENV=production leaves the console and its log out.
portkey_argv() {
    local port=$1
    argv=(env -C "$dir" "${no_proxy_env[@]}" NODE_ENV=production
        node "$tools/portkey/node_modules/@portkey-ai/gateway/build/start-server.js"
        --port="$port" --headless)
}

# Sets `caller` to how requests to the upstream's DIALECT are asked: it is configured by headers.
portkey_caller() {
    local provider=$1 base=http://127.0.0.1:$upstream_port
    # It writes the version of Gemini's API itself.
    if [[ $1 == gemini ]]; then provider=google; else base+=/v1; fi
    caller=(--header "x-portkey-provider: $provider" --header "x-portkey-custom-host: $base")
}

# Requests/s of the latency scenario: below what one process carries.
portkey_rate=100
