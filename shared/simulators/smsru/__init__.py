"""A stand-in of sms.ru."""

from simulators.smsru.simulator import SmsruSimulator

SIMULATOR = SmsruSimulator

__all__ = ["SIMULATOR", "SmsruSimulator"]
