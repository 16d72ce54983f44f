"""A certificate authority for tests, and what it vouches for."""
import datetime
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem_of_key(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


class Authority:
    def __init__(self, directory):
        self.path = directory / 'ca.pem'
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.path.write_bytes(self._sign('a test', self.key.public_key(), [
            (x509.BasicConstraints(ca=True, path_length=None), True)]))

    def _sign(self, name, public_key, extensions):
        now = datetime.datetime.utcnow()
        builder = x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name('a test')).public_key(
            public_key).serial_number(x509.random_serial_number()).not_valid_before(now - _DAY).not_valid_after(now + _DAY)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, directory):
        """server.pem and server.key for 127.0.0.1, each replaced as a whole."""
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address('127.0.0.1'))])
        for name, content in (('server.key', _pem_of_key(key)),
                              ('server.pem', self._sign('the hub', key.public_key(), [(address, False)]))):
            temporary = directory / (name + '.new')
            temporary.write_bytes(content)
            temporary.rename(directory / name)

    def context(self):
        return ssl.create_default_context(cafile=str(self.path))
