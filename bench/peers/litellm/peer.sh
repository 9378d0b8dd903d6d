# LiteLLM's proxy: Python, from PyPI, in an environment of its own. Sourced by bench/run, which sets
# what is not defined here.

# Puts it into FOLDER, unless this version is there.
litellm_install() {
    local folder=$1 wanted=$bench/peers/litellm/requirements.txt
    [[ -x $folder/bin/litellm ]] && cmp -s "$wanted" "$folder/requirements.txt" && return
    command -v python3 >/dev/null || { say "LiteLLM needs python3"; return 1; }
    say "installing LiteLLM into $folder (some minutes)"
    rm -rf "$folder"
    python3 -m venv "$folder" &&
        "$folder/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" &&
        cp "$wanted" "$folder/requirements.txt"
}

litellm_version() { sed -n 's/^litellm\[proxy\]==//p' "$bench/peers/litellm/requirements.txt"; }

# Sets `argv` to what starts it on PORT.
litellm_argv() {
    local port=$1
    argv=(env -C "$dir" "${no_proxy_env[@]}"
        LITELLM_MASTER_KEY="$key" LITELLM_LOG=ERROR LITELLM_MODE=PRODUCTION
        LITELLM_LOCAL_MODEL_COST_MAP=True
        BENCH_UPSTREAM="http://127.0.0.1:$upstream_port"
        BENCH_OPENAI_BASE="http://127.0.0.1:$upstream_port/v1"
        BENCH_GEMINI_BASE="http://127.0.0.1:$upstream_port/v1beta"
        "$tools/litellm/bin/litellm" --config "$bench/peers/litellm/config.yaml"
        --host 127.0.0.1 --port "$port" --num_workers 1 --telemetry False)
}

# Sets `caller` to how requests to the upstream's DIALECT are asked.
litellm_caller() { caller=(--model-prefix "$1/"); }

# Requests/s of the latency scenario: below what one worker carries.
litellm_rate=20
