# The image of a VM's pod: the agent and exactly the programs that it starts (`kvm-agent check` names them).
#
# The agent comes from artifacts/kvm-agent, so that the image needs no SDK image:
#
#   dotnet publish src/KvmAgent -c Release -r linux-x64 -o artifacts/kvm-agent
#   docker build -t kvm-agent .
#
# images/agent/build does that, and makes the base itself where no registry can be reached.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

# First, so that no package's user takes the number: QEMU runs as KubeVirt's qemu user, and volumes prepared for it fit.
RUN groupadd --system --gid 107 qemu \
 && useradd --system --uid 107 --gid qemu --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin qemu

# procps for kill: the agent signals QEMU as QEMU's user, having no CAP_KILL. libssl3 for .NET's TLS.
# Gone again is what comes along and is never used: the 32-bit emulator.
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
      ca-certificates conntrack dnsmasq-base iproute2 libssl3 nftables ovmf procps qemu-system-x86 qemu-utils util-linux \
 && rm -rf /usr/bin/qemu-system-i386 \
      /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log /usr/share/doc/* /usr/share/man/* /usr/share/locale/*

COPY artifacts/kvm-agent/kvm-agent /usr/local/bin/kvm-agent
COPY entrypoint.sh /entrypoint.sh

# VNC. Every other port of the pod is the guest's.
EXPOSE 5900
STOPSIGNAL SIGTERM
ENTRYPOINT ["/entrypoint.sh"]
