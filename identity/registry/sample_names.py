"""Frequent Moroccan names in Arabic and in a French spelling, for synthetic people."""

from typing import Final

Pair = tuple[str, str]
"""Arabic, Latin."""


def _pairs(text: str) -> tuple[Pair, ...]:
    found = (line.split("|") for line in text.strip().splitlines())
    return tuple((arabic.strip(), latin.strip()) for arabic, latin in found)


MEN: Final = _pairs("""
محمد | Mohamed
أحمد | Ahmed
يوسف | Youssef
حسن | Hassan
حسين | Houcine
عمر | Omar
علي | Ali
إبراهيم | Brahim
رشيد | Rachid
سعيد | Said
خالد | Khalid
كريم | Karim
مصطفى | Mustapha
عبد الله | Abdellah
عبد الرحمن | Abderrahmane
عبد الكريم | Abdelkrim
عبد العزيز | Abdelaziz
عبد اللطيف | Abdellatif
عبد الحق | Abdelhak
عبد الرحيم | Abderrahim
نور الدين | Noureddine
صلاح الدين | Salaheddine
عز الدين | Azzedine
جمال | Jamal
هشام | Hicham
ياسين | Yassine
أمين | Amine
أنس | Anas
أيوب | Ayoub
إلياس | Ilyas
إدريس | Driss
المهدي | El Mehdi
حمزة | Hamza
طارق | Tarik
عثمان | Otmane
يونس | Younes
بلال | Bilal
زكرياء | Zakaria
سفيان | Soufiane
عادل | Adil
فؤاد | Fouad
كمال | Kamal
محسن | Mohcine
منير | Mounir
نبيل | Nabil
وليد | Walid
يحيى | Yahya
بوشعيب | Bouchaib
لحسن | Lahcen
سمير | Samir
توفيق | Toufik
حميد | Hamid
أسامة | Oussama
رضا | Reda
جواد | Jaouad
محمد أمين | Mohamed Amine
""")

WOMEN: Final = _pairs("""
فاطمة | Fatima
فاطمة الزهراء | Fatima Zahra
خديجة | Khadija
عائشة | Aicha
مريم | Meryem
زينب | Zineb
سعاد | Souad
نادية | Nadia
لطيفة | Latifa
حنان | Hanane
سميرة | Samira
كريمة | Karima
رشيدة | Rachida
سعيدة | Saida
جميلة | Jamila
نعيمة | Naima
أمينة | Amina
حليمة | Halima
ربيعة | Rabia
زهرة | Zahra
سناء | Sanae
هناء | Hanae
وفاء | Wafae
أسماء | Asmae
شيماء | Chaimae
إيمان | Imane
إكرام | Ikram
غزلان | Ghizlane
غيثة | Ghita
كوثر | Kaoutar
خولة | Khaoula
دنيا | Dounia
سلمى | Salma
ليلى | Laila
نورة | Noura
هاجر | Hajar
ياسمين | Yasmine
سارة | Sara
آية | Aya
مليكة | Malika
ثريا | Touria
بشرى | Bouchra
حسناء | Hasnae
فتيحة | Fatiha
سمية | Soumaya
عزيزة | Aziza
نجاة | Najat
حياة | Hayat
رجاء | Rajae
لبنى | Loubna
مونية | Mounia
هند | Hind
إلهام | Ilham
أحلام | Ahlam
""")

FAMILIES: Final = _pairs("""
العلوي | Alaoui
الإدريسي | El Idrissi
العمراني | El Amrani
بناني | Bennani
بنعلي | Benali
بنجلون | Benjelloun
برادة | Berrada
التازي | Tazi
الفاسي | El Fassi
الشرقاوي | Cherkaoui
القادري | Kadiri
المنصوري | Mansouri
الناصري | Naciri
الراشدي | Errachidi
السعيدي | Essaidi
الوزاني | Ouazzani
الوردي | El Ouardi
العلمي | Alami
الحسني | El Hassani
الحسيني | El Houssaini
المرابط | El Mrabet
الخطابي | El Khattabi
بوزيان | Bouziane
بوعزة | Bouazza
بوشتى | Bouchta
بنموسى | Benmoussa
بنسعيد | Bensaid
بنعمر | Benomar
بنيوسف | Benyoussef
بلقاسم | Belkacem
بلحاج | Belhaj
آيت علي | Ait Ali
آيت بن حدو | Ait Benhaddou
أوحساين | Ouhssaine
أزولاي | Azoulay
أكنوش | Akennouch
الزياني | Ziani
الهلالي | El Hilali
المالكي | El Malki
الصديقي | Seddiki
الطاهري | Tahiri
العزوزي | Azzouzi
الغازي | El Ghazi
الكتاني | Kettani
اليعقوبي | Yacoubi
حجي | Hajji
خلفي | Khalfi
داودي | Daoudi
رحالي | Rahali
زروال | Zeroual
سبتي | Sebti
شكري | Choukri
صبري | Sabri
طالب | Taleb
عباسي | Abbassi
غنام | Ghannam
فتحي | Fathi
قاسمي | Kasmi
كنون | Guennoun
لحلو | Lahlou
مبارك | Mbarek
نجاري | Najjari
هاشمي | Hachimi
واكريم | Ouakrim
يخلف | Yakhlef
مرزوقي | Merzouki
جعفري | Jaafari
حمداوي | Hamdaoui
سليماني | Slimani
عبدلاوي | Abdellaoui
فيلالي | Filali
مغراوي | Maghraoui
رفيق | Rafik
صالحي | Salhi
زهراوي | Zahraoui
""")

PLACES: Final = (
    # commune, province or prefecture, region, whether a town
    ("Casablanca", "Casablanca", "casablanca-settat", True),
    ("Mohammedia", "Mohammedia", "casablanca-settat", True),
    ("Settat", "Settat", "casablanca-settat", True),
    ("Ouled Saleh", "Nouaceur", "casablanca-settat", False),
    ("Rabat", "Rabat", "rabat-sale-kenitra", True),
    ("Salé", "Salé", "rabat-sale-kenitra", True),
    ("Kénitra", "Kénitra", "rabat-sale-kenitra", True),
    ("Sidi Allal Tazi", "Kénitra", "rabat-sale-kenitra", False),
    ("Fès", "Fès", "fes-meknes", True),
    ("Meknès", "Meknès", "fes-meknes", True),
    ("Ghafsai", "Taounate", "fes-meknes", False),
    ("Marrakech", "Marrakech", "marrakech-safi", True),
    ("Safi", "Safi", "marrakech-safi", True),
    ("Asni", "Al Haouz", "marrakech-safi", False),
    ("Tanger", "Tanger-Assilah", "tanger-tetouan-al-hoceima", True),
    ("Tétouan", "Tétouan", "tanger-tetouan-al-hoceima", True),
    ("Oued Laou", "Tétouan", "tanger-tetouan-al-hoceima", False),
    ("Oujda", "Oujda-Angad", "oriental", True),
    ("Figuig", "Figuig", "oriental", False),
    ("Béni Mellal", "Béni Mellal", "beni-mellal-khenifra", True),
    ("Tagleft", "Azilal", "beni-mellal-khenifra", False),
    ("Agadir", "Agadir-Ida-Ou-Tanane", "souss-massa", True),
    ("Tafraout", "Tiznit", "souss-massa", False),
    ("Errachidia", "Errachidia", "draa-tafilalet", True),
    ("Tinghir", "Tinghir", "draa-tafilalet", False),
    ("Guelmim", "Guelmim", "guelmim-oued-noun", True),
    ("Laâyoune", "Laâyoune", "laayoune-sakia-el-hamra", True),
    ("Dakhla", "Oued Ed-Dahab", "dakhla-oued-ed-dahab", True),
)
