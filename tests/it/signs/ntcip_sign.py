"""A sign with an NTCIP 1203 agent, written from the standard's facts and apart from the Rust code: an oracle for the driver.

Usage: ntcip_sign.py PORT [LOG]. Prints "ready PORT" once it listens on loopback (UDP, SNMP v1 and v2c, community "public"), and
"lit TEXT" whenever what it shows changes. LOG gets a line for each write it takes: the port and process of who wrote,
what (without the root of the standard), and the value where it is a text.
"""

import os
import sys

from pyasn1.codec.ber import decoder, encoder
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.carrier.asyncio.dispatch import AsyncioDispatcher
from pysnmp.proto import api

D = (1, 3, 6, 1, 4, 1, 1206, 4, 2, 3)
TABLE = D + (5, 8, 1)
GEN_ERR, NO_SUCH_NAME = 5, 2


def x25(octets):
    crc = 0xFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = (crc >> 1) ^ (0x8408 if crc & 1 else 0)
    return crc ^ 0xFFFF


def message_crc(multi, beacon, pixel):
    crc = x25(multi + bytes([beacon, pixel]))
    return (crc & 0xFF) << 8 | crc >> 8


# The vector published with the standard's examples.
assert message_crc(b"[jp3]TEST [fl]Flashing[/fl]", 0, 0) == 0x95F9


def process_of(port):
    """The process of this machine that speaks from a UDP port; 0 if none does."""
    inodes = set()
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with open(table, encoding="ascii") as lines:
            fields = [line.split() for line in lines][1:]
        inodes |= {f"socket:[{field[9]}]" for field in fields if field[1].endswith(f":{port:04X}")}
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            files = os.listdir(f"/proc/{process}/fd")
            if any(os.readlink(f"/proc/{process}/fd/{file}") in inodes for file in files):
                return int(process)
        except OSError:
            pass
    return 0


class Sign:
    def __init__(self):
        self.slots = {n: dict(multi=b"", owner=b"", beacon=0, pixel=0, prio=1, status=1) for n in range(1, 4)}
        self.current = dict(multi=b"", owner=b"", beacon=0, pixel=0, prio=1, status=4)
        self.source = bytes([7, 0, 1, 0, 0])
        self.minutes = 65535
        self.validate_error, self.activate_error = 2, 2
        self.codes = {}

    def get(self, oid):
        if oid[: len(TABLE)] == TABLE and len(oid) == len(TABLE) + 3:
            column, memory, number = oid[len(TABLE):]
            row = self.slots.get(number) if memory == 3 else self.current if (memory, number) == (5, 1) else None
            if row is None:
                return None
            crc = message_crc(row["multi"], row["beacon"], row["pixel"]) if row["multi"] else 0
            cells = [memory, number, row["multi"], row["owner"], crc, row["beacon"], row["pixel"], row["prio"], row["status"]]
            return cells[column - 1] if 1 <= column <= 9 else None
        scalars = {
            (4, 11, 0): 4, (5, 9, 0): self.validate_error, (6, 1, 0): 4, (6, 4, 0): self.minutes,
            (6, 5, 0): self.source, (6, 17, 0): self.activate_error, (6, 18, 0): 2, (6, 19, 0): 0,
            (9, 7, 1, 0): 0,
        }
        if oid[: len(D)] != D:
            return None
        return self.codes.get(oid[len(D):], scalars.get(oid[len(D):]))

    def set(self, oid, value):
        """The error status; 0 is none."""
        if oid[: len(TABLE)] == TABLE and len(oid) == len(TABLE) + 3:
            column, memory, number = oid[len(TABLE):]
            row = self.slots.get(number) if memory == 3 else None
            if row is None:
                return NO_SUCH_NAME
            if column == 9:
                return self.move(row, int(value))
            key = {3: "multi", 4: "owner", 6: "beacon", 7: "pixel", 8: "prio"}.get(column)
            if key is None:
                return NO_SUCH_NAME
            if row["status"] != 2:
                return GEN_ERR
            row[key] = bytes(value) if column in (3, 4) else int(value)
            return 0
        rest = oid[len(D):] if oid[: len(D)] == D else None
        if rest == (6, 3, 0):
            return self.activate(bytes(value))
        if rest == (6, 4, 0):
            self.minutes = int(value)
            return 0
        if rest in ((6, 8, 0), (6, 9, 0), (6, 12, 0), (6, 15, 0)):
            self.codes[rest] = bytes(value)
            return 0
        # No reset message, no communications timer, no brightness: an old sign.
        return NO_SUCH_NAME

    def move(self, row, request):
        if request == 6:
            row["status"] = 2
        elif request == 8:
            row["status"] = 1
        elif request == 7 and row["status"] == 2:
            balanced = row["multi"].replace(b"[[", b"").replace(b"]]", b"")
            well = balanced.count(b"[") == balanced.count(b"]")
            row["status"], self.validate_error = (4, 2) if well else (5, 5)
        else:
            return GEN_ERR
        return 0

    def activate(self, code):
        if len(code) != 12:
            return GEN_ERR
        minutes, priority, memory = int.from_bytes(code[:2], "big"), code[2], code[3]
        number, crc = int.from_bytes(code[4:6], "big"), int.from_bytes(code[6:8], "big")
        row = self.slots.get(number)
        if priority < self.current["prio"]:
            self.activate_error = 3
        elif memory == 7:
            self.activate_error = 2
            row = dict(multi=b"", owner=b"", beacon=0, pixel=0, prio=1, status=4)
        elif memory != 3:
            self.activate_error = 5
        elif row is None:
            self.activate_error = 6
        elif row["status"] != 4:
            self.activate_error = 4
        elif message_crc(row["multi"], row["beacon"], row["pixel"]) != crc:
            self.activate_error = 7
        else:
            self.activate_error = 2
        if self.activate_error != 2:
            return GEN_ERR
        self.current, self.source, self.minutes = dict(row), code[3:8], minutes
        print("lit", self.current["multi"].decode("latin-1"), flush=True)
        return 0


def serve(sign, log):
    processes = {}

    def receive(dispatcher, domain, address, octets):
        while octets:
            module = api.PROTOCOL_MODULES.get(api.decodeMessageVersion(octets))
            if module is None:
                return b""
            request, octets = decoder.decode(octets, asn1Spec=module.Message())
            if bytes(module.apiMessage.get_community(request)) != b"public":
                continue
            response = module.apiMessage.get_response(request)
            asked, told = module.apiMessage.get_pdu(request), module.apiMessage.get_pdu(response)
            writes = asked.isSameTypeWith(module.SetRequestPDU())
            binds = []
            for index, (oid, value) in enumerate(module.apiPDU.get_varbinds(asked), 1):
                oid_tuple = tuple(oid)
                status = sign.set(oid_tuple, value) if writes else 0
                if writes and not status and log:
                    text = bytes(value).decode("latin-1").encode("unicode_escape").decode() if isinstance(value, module.OctetString) else ""
                    process = processes.setdefault(address[1], 0) or process_of(address[1])
                    processes[address[1]] = process
                    print(address[1], process, ".".join(map(str, oid_tuple[len(D):])), text, file=log, flush=True)
                held = value if writes else sign.get(oid_tuple)
                if status or held is None:
                    module.apiPDU.set_error_status(told, status or NO_SUCH_NAME)
                    module.apiPDU.set_error_index(told, index)
                    binds = module.apiPDU.get_varbinds(asked)
                    break
                if not writes:
                    held = module.OctetString(held) if isinstance(held, bytes) else module.Integer(held)
                binds.append((oid, held))
            module.apiPDU.set_varbinds(told, binds)
            dispatcher.send_message(encoder.encode(response), domain, address)
        return octets

    return receive


def main():
    port = int(sys.argv[1])
    log = open(sys.argv[2], "w", encoding="utf-8") if len(sys.argv) > 2 else None
    dispatcher = AsyncioDispatcher()
    dispatcher.register_recv_callback(serve(Sign(), log))
    dispatcher.register_transport(udp.DOMAIN_NAME, udp.UdpAsyncioTransport().open_server_mode(("127.0.0.1", port)))
    dispatcher.job_started(1)
    print("ready", port, flush=True)
    dispatcher.run_dispatcher()


if __name__ == "__main__":
    main()
