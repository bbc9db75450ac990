"""A VM's life with proxmoxer: proxmoxer_vm.py URL TOKEN CERTIFICATE"""
import sys
from urllib.parse import urlsplit

from proxmoxer import ProxmoxAPI, ResourceException
from proxmoxer.tools import Tasks

url, token, certificate = sys.argv[1:]
name, secret = token.split("=")
user, token_name = name.split("!")
place = urlsplit(url)
pve = ProxmoxAPI(place.hostname, port=place.port, user=user, token_name=token_name, token_value=secret,
                 verify_ssl=certificate)
node = pve.nodes("pve1")


def end_of(upid):
    return Tasks.blocking_status(pve, upid, timeout=60, polling_interval=0.05)["exitstatus"]


print("created:", end_of(node.qemu.post(vmid=100, name="made", memory=128, scsi0="local:1", net0="virtio,bridge=vmbr0")))
print("cloned:", end_of(node.qemu(9000).clone.post(newid=101, name="web1", description="ours")))
vm = node.qemu(101)
vm.config.put(cores=2, memory=2048, ipconfig0="ip=10.0.0.5/24,gw=10.0.0.1")
print("resized:", end_of(vm.resize.put(disk="scsi0", size="10G")))
print("started:", end_of(vm.status.start.post()), end=", ")
print(vm.status.current.get()["status"])
print("snapshot:", end_of(vm.snapshot.post(snapname="before")), end=", ")
print("listed" if "before" in [s["name"] for s in vm.snapshot.get()] else "missing")
print("backed up:", end_of(node.vzdump.post(vmid=101, storage="local", compress="zstd")), end=", ")
print(len(node.storage("local").content.get(content="backup", vmid=101)), "backup")
try:
    vm.delete()
except ResourceException as error:
    print("refused:", str(error).strip().split("\n")[0].split(" - b'")[0])
print("stopped:", end_of(vm.status.stop.post()))
print("destroyed:", end_of(vm.delete(purge=1)))
try:
    vm.config.get()
except ResourceException as error:
    print("gone:", error.status_code)
