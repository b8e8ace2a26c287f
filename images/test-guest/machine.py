"""A QEMU with the devices that the agent gives, for `check`: started, watched over its serial console and monitor, ended by pid."""
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

deadline = 300  # for a loaded machine; only a failure waits so long
forwarded = [("tcp", port) for port in (7, 80, 5001, 5002, 5900, 5901, 8080)] + [("udp", port) for port in (7, 53, 5900)]


class Machine:
    """A running machine: `with Machine(...) as machine`. Its sockets listen before QEMU starts, so nothing is polled for."""

    def __init__(self, directory, disk, drive, uuid, *more):
        self.output, self.ended, self.changed = b"", False, threading.Condition()
        self.events = []
        self.listeners = [listen(f"{directory}/{name}") for name in ("serial", "qmp", "agent")]
        self.started = time.monotonic()
        self.qemu = subprocess.Popen([
            "qemu-system-x86_64", "-nodefaults", "-machine", "q35", "-accel", "tcg", "-m", "256", "-display", "none", "-uuid", uuid,
            "-drive", f"file={disk},format=qcow2,if=virtio", "-drive", f"file={drive},format=raw,if=virtio,readonly=on",
            "-netdev", "user,id=net,hostname=leased,dnssearch=one.test,dnssearch=two.test,domainname=three.test,"
            + ",".join(f"hostfwd={kind}:127.0.0.1:0-:{port}" for kind, port in forwarded),
            "-device", "virtio-net-pci,netdev=net,host_mtu=1400", "-device", "virtio-rng-pci", "-device", "virtio-balloon-pci",
            "-device", "pvpanic-pci", "-device", "VGA",
            "-device", "virtio-serial", "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
            "-chardev", f"socket,id=agent,path={directory}/agent", "-chardev", f"socket,id=serial,path={directory}/serial",
            "-serial", "chardev:serial", "-qmp", f"unix:{directory}/qmp", *more])

    def __enter__(self):
        try:
            self.serial, self.qmp, self.agent = (accept(listener) for listener in self.listeners)
            self.serial.settimeout(None)
            threading.Thread(target=self.drain, daemon=True).start()
            self.monitor = self.qmp.makefile("rw")
            self.monitor.readline()
            self.execute("qmp_capabilities")
            return self
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def __exit__(self, failed, *_):
        if self.qemu.poll() is None:
            self.qemu.kill()
            self.qemu.wait()
        if failed:
            print(self.output.decode(errors="replace"), file=sys.stderr)
        for open_socket in [*self.listeners, *(getattr(self, name) for name in ("serial", "qmp", "agent") if hasattr(self, name))]:
            open_socket.close()

    def execute(self, command, **arguments):
        self.monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.monitor.flush()
        while "return" not in (answer := json.loads(self.monitor.readline())):
            assert "event" in answer, answer
            self.events.append(answer["event"])
        return answer["return"]

    def until_event(self, name):
        while name not in self.events:
            self.events.append(json.loads(self.monitor.readline())["event"])

    def drain(self):
        """Reads the console all the time: after some 300 bytes that nobody reads QEMU's port is busy, and the kernel waits for it."""
        while not self.ended:
            try:
                got = self.serial.recv(65536)
            except OSError:
                got = b""
            with self.changed:
                self.output += got
                self.ended = not got
                self.changed.notify_all()

    def until(self, pattern):
        """Waits for the pattern on the console; returns the match and the time since the start."""
        with self.changed:
            self.changed.wait_for(lambda: re.search(pattern, self.output) or self.ended, deadline)
            match = re.search(pattern, self.output)
            assert match, f"the console does not say {pattern}"
            self.output = self.output[match.end():]
        return match, time.monotonic() - self.started

    def type(self, line):
        self.serial.sendall(line.encode() + b"\n")

    def ports(self):
        """The host's ports, which QEMU chose."""
        table = self.execute("human-monitor-command", **{"command-line": "info usernet"})
        return {(kind.lower(), int(port)): int(host) for kind, host, port in re.findall(
            r"(TCP|UDP)\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)", table)}


def listen(path):
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    listener.settimeout(deadline)
    return listener


def accept(listener):
    connection, _ = listener.accept()
    connection.settimeout(deadline)
    return connection


def overlay(image, path):
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", path], check=True)
    return path


def drive(label, files, path):
    """A config drive of {path in it: bytes}."""
    for name, data in files.items():
        os.makedirs(os.path.dirname(f"{path}.tree/{name}"), exist_ok=True)
        with open(f"{path}.tree/{name}", "wb") as file:
            file.write(data)
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-J", "-r", "-V", label, "-o", path, f"{path}.tree"],
                   check=True, stderr=subprocess.DEVNULL)
    return path
