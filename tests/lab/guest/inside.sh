#!/bin/sh
# What runs in the guest, as its process 1: modules, interfaces, the tests; says how they went, and
# ends the machine. run.sh starts it; /guest/out is the host's folder for what comes out.
. /guest/out/job # top, venv, site, parts, limit
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/guest
export HOME=/root LANG=C.UTF-8 TERM=dumb PYTHONDONTWRITEBYTECODE=1 CSOCK_GUEST=1
busybox=/guest/busybox
status=0

end() {
    echo "==== end of the guest: $1 ===="
    $busybox sync
    $busybox sleep 1
    $busybox poweroff -f
}
# A shell that dies for any reason must not be the kernel's panic.
trap 'end 2' EXIT

echo /guest/modprobe >/proc/sys/kernel/modprobe
echo 1 >/proc/sys/kernel/printk
for module in vsock_loopback vcan can-raw can-bcm can-gw can-isotp can-j1939 tipc sctp rds rds_tcp \
    qrtr tls sch_netem bluetooth hci_vhci rfcomm algif_hash algif_skcipher algif_aead algif_rng \
    dccp dccp_ipv4 dccp_ipv6 smc kcm; do
    /guest/modprobe -q "$module" || echo "guest: no module $module"
done

$busybox hostname guest
$busybox ip link set lo up
$busybox ip link add vcan0 type vcan 2>/dev/null || ip link add vcan0 type vcan
$busybox ip link set vcan0 up
echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range
[ ! -e /proc/sys/net/tipc ] || echo "guest: tipc is there"
/guest/bluez/usr/bin/btvirt -l2 >/guest/out/btvirt.log 2>&1 &
btvirt=$!

echo "guest: $(uname -r), $($venv/bin/python -VV), up for $(cut -d' ' -f1 /proc/uptime) s"
cd "$top"
for part in $parts; do
    echo "---- $part"
    case $part in
        families)
            PYTHONPATH=$site $busybox timeout -k 10 600 "$venv/bin/python" -m pytest \
                -o cache_dir=/tmp/pytest-cache -q -rfEs --no-header \
                --junitxml=/guest/out/families.xml tests/lab/guest || status=1
            ;;
        socket)
            # The first message between two addresses waits in the kernel for their connection,
            # and is lost if its sender is closed meanwhile, as CPython's first RDS test does.
            "$venv/bin/python" -c 'import socket
a, b = (socket.socket(socket.AF_RDS, socket.SOCK_SEQPACKET) for _ in range(2))
a.bind(("127.0.0.1", 4101)); b.bind(("127.0.0.1", 4102)); b.settimeout(20)
a.sendto(b"x", ("127.0.0.1", 4102)); b.recv(1)'
            # In memory first: a test that interrupts itself by signals hung, twice, with its log
            # on the shared folder.
            $busybox timeout -k 10 "$limit" "$venv/bin/python" tests/conformance/run.py \
                --python "$venv/bin/python" --site "$site" --out /tmp/conformance \
                --suites test_socket --jobs 1 --no-isolate --vsock --patience 2 || status=1
            mkdir -p /guest/out/conformance
            cp -r /tmp/conformance/results.json /tmp/conformance/*/logs /guest/out/conformance/
            ;;
        shell) $busybox setsid $busybox cttyhack /bin/sh ;;
    esac
done
kill $btvirt
trap - EXIT
end $status
