"""A GA/T 1400 camera in plain Python: registers with HTTP Digest, keeps alive, asks the time, posts vehicles, leaves.

usage: viid_client.py PORT DEVICE PASSWORD EARLY.jpg LATE.jpg
Prints one JSON line per step: {"step": ..., "status": ..., "body": ...}
"""
import base64, hashlib, http.client, json, sys, time

PORT, DEVICE, PASSWORD, EARLY, LATE = int(sys.argv[1]), *sys.argv[2:6]


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def ask(step, method, path, body=None, headers=None, raw=None):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    sent = {"User-Identify": DEVICE, "Content-Type": "application/VIID+JSON;charset=UTF-8", **(headers or {})}
    payload = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
    connection.request(method, path, payload, sent)
    answer = connection.getresponse()
    text = answer.read().decode()
    try:
        told = json.loads(text)
    except ValueError:
        told = text
    print(json.dumps({"step": step, "status": answer.status, "body": told}), flush=True)
    return answer


def digest(challenge, method, path):
    fields = {}
    for part in challenge.split(" ", 1)[1].split(","):
        key, value = part.strip().split("=", 1)
        fields[key] = value.strip('"')
    ha1 = md5(f"{DEVICE}:{fields['realm']}:{PASSWORD}")
    ha2 = md5(f"{method}:{path}")
    nc, cnonce = "00000001", "0a4f113b"
    response = md5(f"{ha1}:{fields['nonce']}:{nc}:{cnonce}:auth:{ha2}")
    return (
        f'Digest username="{DEVICE}",realm="{fields["realm"]}",nonce="{fields["nonce"]}",uri="{path}",qop="auth",'
        f'nc={nc},cnonce="{cnonce}",algorithm="MD5",response="{response}"'
    )


def beijing(seconds_ago):
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + 8 * 3600 - seconds_ago))


def vehicle(number, pictures, kind="MotorVehicle", **more):
    shots = [
        {"ImageID": f"{DEVICE}02{when}{n:05d}", "EventSort": 624, "DeviceID": DEVICE, "Type": "01" if kind == "MotorVehicle" else "12",
         "FileFormat": "Jpeg", "ShotTime": when, **({"Data": base64.b64encode(open(path, "rb").read()).decode()} if path else {})}
        for n, (when, path) in enumerate(pictures)
    ]
    return {
        f"{kind}ID": f"{DEVICE}02{pictures[-1][0]}0000102{number:05d}", "InfoKind": 1, "DeviceID": DEVICE, "HasPlate": "1",
        "PlateColor": "5", "PlateNo": "浙E12345", "PassTime": pictures[-1][0], "AppearTime": pictures[0][0],
        "SubImageList": {"SubImageInfoObject": shots}, **more,
    }


REGISTER = "/VIID/System/Register"
early, late = beijing(600), beijing(60)
post = lambda objects, kind="MotorVehicle": {f"{kind}ListObject": {f"{kind}Object": objects}}
good = vehicle(1, [(early, EARLY), (late, LATE)])

ask("unregistered", "POST", "/VIID/MotorVehicles", post([good]))
register = {"RegisterObject": {"DeviceID": DEVICE}}
challenge = ask("challenge", "POST", REGISTER, register).getheader("WWW-Authenticate")
proof = digest(challenge, "POST", REGISTER)
ask("register", "POST", REGISTER, register, {"Authorization": proof})
ask("replay", "POST", REGISTER, register, {"Authorization": proof})
ask("keepalive", "POST", "/VIID/System/Keepalive", {"KeepaliveObject": {"DeviceID": DEVICE}})
ask("time", "GET", "/VIID/System/Time")
broken = {"MotorVehicleID": "broken", "DeviceID": "12"}
foreign = {**vehicle(2, [(late, LATE)]), "DeviceID": "33112500001190009999"}
no_picture = {**vehicle(3, [(late, LATE)]), "SubImageList": {"SubImageInfoObject": []}}
ask("batch", "POST", "/VIID/MotorVehicles", post([good, broken, foreign, no_picture]))
ask("again", "POST", "/VIID/MotorVehicles", post([good]))
ask("other_content", "POST", "/VIID/MotorVehicles", post([{**good, "PlateNo": "浙E99999"}]))
bike = vehicle(4, [(late, EARLY)], "NonMotorVehicle", PlateNo="湖州123456")
ask("bike", "POST", "/VIID/NonMotorVehicles", post([bike], "NonMotorVehicle"))
# A vehicle that only names its picture, and the picture after it.
waiting = vehicle(5, [(late, None)], PlateNo="浙E77777")
ask("waiting", "POST", "/VIID/MotorVehicles", post([waiting]))
image = {"ImageInfo": {"ImageID": f"{DEVICE}02{late}00000", "DeviceID": DEVICE, "ShotTime": late},
         "Data": base64.b64encode(open(LATE, "rb").read()).decode()}
ask("picture", "POST", "/VIID/Images", {"ImageListObject": {"Image": [image]}})
told = {"NotificationID": "N1", "SubscribeID": "S1", "MotorVehicleObjectList": {"MotorVehicleObject": [vehicle(6, [(late, EARLY)])]}}
ask("notification", "POST", "/VIID/SubscribeNotifications",
    {"SubscribeNotificationListObject": {"SubscribeNotificationObject": [told]}})
ask("torn", "POST", "/VIID/MotorVehicles", raw=b'{"MotorVehicleListObject":{"MotorVeh')
ask("faces", "POST", "/VIID/Faces", {"FaceListObject": {}})
ask("unregister", "POST", "/VIID/System/UnRegister", {"UnRegisterObject": {"DeviceID": DEVICE}})
ask("gone", "POST", "/VIID/System/Keepalive", {"KeepaliveObject": {"DeviceID": DEVICE}})
